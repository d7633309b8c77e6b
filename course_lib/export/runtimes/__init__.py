"""What runs a network's file: one module a runtime, whose ``load`` imports that runtime's package when it is called."""

from __future__ import annotations

from course_lib.export.runtimes.loaded import Loaded

__all__ = ["Loaded"]
