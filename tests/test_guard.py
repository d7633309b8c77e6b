"""A guard is silent while its claim holds, fails the build when it does not, and only tells a learner."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib import guard
from course_lib.guards import ClaimNoLongerHolds

SENTENCE = "center loss tightens the classes threefold"


@pytest.mark.parametrize("built", ["1", None])
def test_a_claim_that_holds_says_nothing(built, monkeypatch, capsys) -> None:
    monkeypatch.setenv("COURSE_GUARDS", built) if built else monkeypatch.delenv("COURSE_GUARDS", raising=False)
    ratio = np.float64(4.2)
    guard(SENTENCE, ratio > 3, ratio=ratio)
    assert capsys.readouterr().out == ""


def test_while_the_course_is_built_a_false_claim_fails_with_sentence_and_values(monkeypatch) -> None:
    monkeypatch.setenv("COURSE_GUARDS", "1")
    with pytest.raises(ClaimNoLongerHolds) as error:
        guard(SENTENCE, False, ratio=np.float32(2.51234), rates=np.arange(9) / 10, names={"a": [1, 2.0]})
    message = str(error.value)
    assert SENTENCE in message and "ratio = 2.512" in message
    assert "rates = [0, 0.1, 0.2, 0.3, 0.4, 0.5, …]" in message and "names = {a: [1, 2]}" in message


@pytest.mark.parametrize("setting", [None, "", "0"])
def test_a_learner_is_told_in_one_calm_line(setting, monkeypatch, capsys) -> None:
    monkeypatch.delenv("COURSE_GUARDS", raising=False)
    if setting is not None:
        monkeypatch.setenv("COURSE_GUARDS", setting)
    guard(SENTENCE, np.array(False), ratio=2.5)
    printed = capsys.readouterr().out
    assert printed == f"With your change this no longer holds: {SENTENCE}. Measured: ratio = 2.5\n"


def test_a_claim_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="was given no values"):
        guard(SENTENCE, True)


def test_an_array_of_verdicts_is_no_verdict(monkeypatch) -> None:
    monkeypatch.setenv("COURSE_GUARDS", "1")
    with pytest.raises(ValueError, match="ambiguous"):
        guard(SENTENCE, np.array([True, False]), ratios=[4, 2])
