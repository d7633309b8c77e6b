"""Guards: claims of the course's text that are tested while it is built, and only explained to a learner."""

from __future__ import annotations

import os
from typing import Any


class ClaimNoLongerHolds(AssertionError):
    """A guard is false while the course is built or tested: the text claims what the numbers no longer show."""


def guard(sentence: str, condition: Any, **values: Any) -> None:
    """Say that ``sentence`` holds, because ``condition`` does.

    While the course is built and tested (``COURSE_GUARDS=1``) a false condition raises ``ClaimNoLongerHolds``. In a
    learner's hands it prints one line instead, and the notebook goes on: whoever changes a setting may see another
    result, and has broken nothing.

    Args:
        sentence: what the text claims, in words.
        condition: true or false, as a bool or an array of one; written with the names of ``values`` alone, so that
            it can be evaluated again for other values.
        **values: the numbers that the condition compares.

    Raises:
        ClaimNoLongerHolds: the condition is false, and ``COURSE_GUARDS`` is 1.
        ValueError: there are no values to judge the sentence by.

    Example:
        >>> guard("center loss tightens the classes threefold", 4.2 > 3, ratio=4.2)
    """
    if not values:
        raise ValueError(f"guard({sentence!r}) was given no values; expected those that its condition compares")
    if bool(condition):
        return
    measured = ", ".join(f"{name} = {_short(value)}" for name, value in values.items())
    if os.environ.get("COURSE_GUARDS") == "1":
        raise ClaimNoLongerHolds(f"no longer true: {sentence}. Measured: {measured}")
    print(f"With your change this no longer holds: {sentence}. Measured: {measured}")


def _short(value: Any) -> str:
    """A value in a few digits, however it is kept."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_short(item)}" for key, item in value.items()) + "}"
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        shown = [_short(item) for item in value[:6]]
        return "[" + ", ".join(shown + ["…"] * (len(value) > 6)) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
