"""Hints: one at a time, on demand too, counted by function."""

from __future__ import annotations

import pytest

from course_lib import exercises
from course_lib.exercises.hints import SESSION, Hints


def test_hints_are_counted_by_function_and_start_anew() -> None:
    hints = Hints()
    hints.offer("f", ("a", "b"))
    hints.offer("g", ("c",))
    assert hints.one_more("f") == ["hint 1 of 2: a"]
    assert hints.one_more("g") == ["hint: c"]
    assert hints.one_more("f") == hints.one_more("f") == ["hint 1 of 2: a", "hint 2 of 2: b"]
    hints.start_anew("f")
    hints.start_anew("never seen")
    assert hints.one_more("f") == ["hint 1 of 2: a"]


def test_the_next_hint_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    def asked_for(x): ...

    exercises.check(asked_for, abs, [(1.0,)] * 5, hints=("First.", "Second.", "Third."), strict=False)
    capsys.readouterr()
    exercises.hint("asked_for")
    exercises.hint(asked_for)
    assert capsys.readouterr().out == "hint 1 of 3: First.\nhint 1 of 3: First.\nhint 2 of 3: Second.\n"
    SESSION.offer("without", ())
    exercises.hint("without")
    assert capsys.readouterr().out == "this exercise has no hints\n"


def test_an_unknown_exercise_is_answered_with_the_known_ones() -> None:
    hints = Hints()
    with pytest.raises(ValueError, match="No check of 'f' has run.*known: none"):
        hints.one_more("f")
    hints.offer("g", ("c",))
    with pytest.raises(ValueError, match="known: g"):
        hints.one_more("f")
