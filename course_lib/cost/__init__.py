"""What a network costs: parameters, multiply-adds, bytes of weights, peak activation memory, and time."""

from __future__ import annotations

from course_lib.cost.counting import count
from course_lib.cost.records import Cost, Layer, Macs
from course_lib.cost.timing import Latency, latency

__all__ = ["Cost", "Latency", "Layer", "Macs", "count", "latency"]
