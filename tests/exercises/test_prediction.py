"""Predict, then run: both numbers are seen, a blank is told, and what cannot be is refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib import exercises


@pytest.fixture(autouse=True)
def not_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_STRICT", raising=False)


def revealed(capsys, answer, measured, *spec, question="How many?", **options) -> list[str]:
    exercises.predict(answer, question=question, **options).reveal(measured, *spec)
    return capsys.readouterr().out.splitlines()


def test_a_number_is_seen_beside_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert revealed(capsys, 80, 91.2, unit="%") == [
        "How many?",
        "you say: 80 %",
        "you said 80 %, measured 91.2 %: 11.2 points off",
    ]
    assert revealed(capsys, 1.5, np.float32(2), unit="ms")[-1] == "you said 1.5 ms, measured 2 ms: 0.5 ms off"
    assert revealed(capsys, 3, 3)[-1] == "you said 3, measured 3: 0 off"


def test_the_rounding_is_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert revealed(capsys, 80, 91.2345, ".1f", unit="%")[-1] == "you said 80 %, measured 91.2 %: 11.2 points off"
    assert revealed(capsys, 1000000, 1068928, ",.0f")[-1] == "you said 1000000, measured 1,068,928: 68,928 off"


def test_a_choice_is_seen_beside_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    choices = ("softmax", "center loss")
    assert revealed(capsys, "softmax", "center loss", choices=choices)[-2:] == [
        "you say: softmax",
        "you said softmax, measured center loss: not what you said",
    ]
    assert revealed(capsys, "softmax", "softmax", choices=choices)[-1].endswith("measured softmax: as you said")


def test_a_blank_is_told_and_fails_in_strict_mode(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert revealed(capsys, ..., 91.2, unit="%") == [
        "How many?",
        "not done yet: put a number in % in place of `...`, and run this cell again",
        "no prediction yet; measured 91.2 %",
    ]
    assert "put one of 'a', 'b' in place" in revealed(capsys, ..., "a", choices=("a", "b"))[1]
    with pytest.raises(exercises.NotDoneYet, match="put a number in place"):
        exercises.predict(..., question="How many?", strict=True)
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(exercises.NotDoneYet):
        exercises.predict(..., question="How many?")


@pytest.mark.parametrize("answer", ["80", None, True, float("nan"), float("inf"), [80], np.ones(2), 1j, len])
def test_what_is_no_number_is_refused(answer) -> None:
    with pytest.raises(ValueError, match=r"A number is expected here, such as 12\.5; got"):
        exercises.predict(answer, question="How many?")
    with pytest.raises(ValueError, match="A number is expected here"):
        exercises.predict(1, question="How many?").reveal(answer)


@pytest.mark.parametrize("answer", ["c", 1, None, ["a"]])
def test_what_is_no_choice_is_refused(answer) -> None:
    with pytest.raises(ValueError, match="Choose one of 'a', 'b'; got"):
        exercises.predict(answer, question="Which?", choices=["a", "b"])
    with pytest.raises(ValueError, match="Choose one of 'a', 'b'; got"):
        exercises.predict(..., question="Which?", choices=["a", "b"]).reveal(answer)
    with pytest.raises(ValueError, match="choices is one text"):
        exercises.predict("a", question="Which?", choices="ab")


def test_a_prediction_is_one_short_line() -> None:
    assert len(repr(exercises.predict(80, question="How many?", unit="%"))) < 88
