"""Criteria: each is called as ``criterion(embeddings, labels)`` and returns a ``Loss(total, parts, logits)``."""

from __future__ import annotations

from course_lib.losses.arcface import ArcFace
from course_lib.losses.base import Loss
from course_lib.losses.center import CenterLoss
from course_lib.losses.combined_margin import CombinedMargin
from course_lib.losses.cosface import CosFace
from course_lib.losses.cosine_distillation import CosineDistillation
from course_lib.losses.embedding_mse import EmbeddingMSE
from course_lib.losses.hinton_kd import HintonKD
from course_lib.losses.magface import MagFace
from course_lib.losses.margin_warm_up import MarginSchedule, margin_schedule
from course_lib.losses.relational_distillation import RelationalDistillation
from course_lib.losses.scale import suggest_scale
from course_lib.losses.softmax import Softmax
from course_lib.losses.sphereface import SphereFace
from course_lib.losses.weighted_sum import WeightedSum

__all__ = [
    "ArcFace",
    "CenterLoss",
    "CombinedMargin",
    "CosFace",
    "CosineDistillation",
    "EmbeddingMSE",
    "HintonKD",
    "Loss",
    "MagFace",
    "MarginSchedule",
    "RelationalDistillation",
    "Softmax",
    "SphereFace",
    "WeightedSum",
    "margin_schedule",
    "suggest_scale",
]
