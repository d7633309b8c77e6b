"""Hints of an exercise, from a first push to nearly the solution, revealed one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Hints:
    """The hints of each exercise of a session, by function name, and how many of them have been revealed."""

    def __init__(self) -> None:
        self._offered: dict[str, tuple[str, ...]] = {}
        self._revealed: dict[str, int] = {}

    def offer(self, name: str, hints: Sequence[str]) -> None:
        """Make the hints of a function known. ValueError for a single text in place of a sequence of them."""
        if isinstance(hints, str):
            raise ValueError(f"hints is one text, {hints[:30]!r}…; give a tuple: (first, second, third).")
        self._offered[name] = tuple(hints)

    def one_more(self, name: str) -> list[str]:
        """The hints revealed so far and the next one, as numbered lines. ValueError for an unknown function."""
        if name not in self._offered:
            known = ", ".join(self._offered) or "none"
            raise ValueError(f"No check of {name!r} has run in this session. Run its check cell first; known: {known}.")
        hints = self._offered[name]
        self._revealed[name] = min(self._revealed.get(name, 0) + 1, len(hints))
        count = f" {{}} of {len(hints)}" if len(hints) > 1 else ""
        return [f"hint{count.format(i)}: {text}" for i, text in enumerate(hints[: self._revealed[name]], 1)]

    def start_anew(self, name: str) -> None:
        """Hide the hints again: the exercise is solved."""
        self._revealed.pop(name, None)


SESSION = Hints()


def hint(exercise: str | Callable[..., Any]) -> None:
    """Print the next hint of an exercise, given by its function or the function's name, after those seen before.

    Raises ValueError if the check cell of that function has not run in this session.
    """
    lines = SESSION.one_more(exercise if isinstance(exercise, str) else exercise.__name__)
    print("\n".join(lines) if lines else "this exercise has no hints")
