"""Criteria: each is called as ``criterion(embeddings, labels)`` and returns a ``Loss(total, parts, logits)``."""

from __future__ import annotations

from course_lib.losses.arcface import ArcFace
from course_lib.losses.base import Loss
from course_lib.losses.center import CenterLoss
from course_lib.losses.combined_margin import CombinedMargin
from course_lib.losses.cosface import CosFace
from course_lib.losses.magface import MagFace
from course_lib.losses.margin_warm_up import MarginSchedule, margin_schedule
from course_lib.losses.scale import suggest_scale
from course_lib.losses.softmax import Softmax
from course_lib.losses.sphereface import SphereFace

__all__ = [
    "ArcFace",
    "CenterLoss",
    "CombinedMargin",
    "CosFace",
    "Loss",
    "MagFace",
    "MarginSchedule",
    "Softmax",
    "SphereFace",
    "margin_schedule",
    "suggest_scale",
]
