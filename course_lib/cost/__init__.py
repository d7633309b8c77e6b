"""What a network costs before it is trained: parameters, multiply-adds, bytes of weights and peak activation memory."""

from __future__ import annotations

from course_lib.cost.counting import count
from course_lib.cost.records import Cost, Layer, Macs

__all__ = ["Cost", "Layer", "Macs", "count"]
