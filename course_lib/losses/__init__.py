"""Criteria: each is called as ``criterion(embeddings, labels)`` and returns a ``Loss(total, parts, logits)``."""

from __future__ import annotations

from course_lib.losses.base import Loss
from course_lib.losses.center import CenterLoss
from course_lib.losses.softmax import Softmax

__all__ = ["CenterLoss", "Loss", "Softmax"]
