"""Whether an open exercise is only mentioned, so that a notebook runs on, or is an error, as when it is graded."""

from __future__ import annotations

import os


class NotRightYet(AssertionError):
    """The learner's answer differs from the reference. A notebook shows the message without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class NotDoneYet(NotRightYet):
    """In strict mode: the exercise has not been answered at all."""


def is_strict(strict: bool | None = None) -> bool:
    """The argument where it is given, else whether the environment variable COURSE_STRICT is set to more than 0."""
    return os.environ.get("COURSE_STRICT", "") not in ("", "0") if strict is None else strict


def not_done(message: str, strict: bool | None = None) -> None:
    """Print that something is "not done yet: ...", or raise it as NotDoneYet in strict mode."""
    if is_strict(strict):
        raise NotDoneYet(f"not done yet: {message}")
    print(f"not done yet: {message}")
