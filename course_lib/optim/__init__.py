"""Optimization: SAM over any optimizer of PyTorch, learning-rate schedules, and how sharp a minimum is."""

from __future__ import annotations

from course_lib.optim import schedules
from course_lib.optim.buffers import hold_buffers
from course_lib.optim.landscape import Landscape
from course_lib.optim.sam import ASAM, SAM
from course_lib.optim.sharpness import Sharpness, sharpness

__all__ = ["ASAM", "SAM", "Landscape", "Sharpness", "hold_buffers", "schedules", "sharpness"]
