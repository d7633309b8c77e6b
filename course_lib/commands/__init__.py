"""``face-course``, the command: each subcommand is a small file here that reads options and calls the library."""

from __future__ import annotations

from course_lib.commands.group import main

__all__ = ["main"]
