"""What runs a network's file: one module a runtime, each with ``load``, and imported when its kind of file is met."""

from __future__ import annotations

from course_lib.export.runtimes.loaded import Loaded

__all__ = ["Loaded"]
