"""The exercise checker: each of its three verdicts, and that its messages help."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib import exercises

HINT = "Equation 2 has a factor of one half."


def half_square(x):
    return 0.5 * (x**2).sum()


def verdict(attempt, reference=half_square, cases=None, **options) -> str:
    """The message of the failure."""
    with pytest.raises(AssertionError) as failure:
        exercises.check(attempt, reference, cases or [(np.array([1.0, 2.0]),)], hint=HINT, **options)
    return str(failure.value)


def not_done(x):
    raise NotImplementedError


@pytest.mark.parametrize("attempt", [lambda x: None, lambda x: ..., not_done], ids=["None", "...", "raises"])
def test_a_stub_is_not_done_yet(attempt, capsys: pytest.CaptureFixture[str]) -> None:
    attempt.__name__ = "distance"
    exercises.check(attempt, half_square, [(np.ones(2),)], hint=HINT)
    assert capsys.readouterr().out.startswith("not done yet: replace the body of distance")


def test_a_right_answer_is_correct(capsys: pytest.CaptureFixture[str]) -> None:
    def distance(x):
        return sum(value * value for value in x) / 2

    exercises.check(distance, half_square, [(np.ones(2),), (np.arange(3.0),)], hint=HINT)
    assert capsys.readouterr().out == "correct: distance agrees with the reference on 2 cases\n"


def test_the_message_shows_input_expected_got_and_hint() -> None:
    def distance(x):
        return (x**2).sum()

    assert verdict(distance).splitlines() == [
        "distance is not right yet",
        "  input x: [1. 2.]",
        "  expected: 2.5",
        "  got: 5.0",
        "  so: the result is 2 times what is expected",
        f"  hint: {HINT}",
    ]


@pytest.mark.parametrize(
    "attempt, fragment",
    [
        (lambda x: -x, "the sign is reversed"),
        (lambda x: x + 3, "the result is 3 more than expected everywhere"),
        (lambda x: x[:2], r"the shape is (2,), expected (3,)"),
        (lambda x: x.reshape(3, 1), r"the shape is (3, 1), expected (3,)"),
        (lambda x: x * np.nan, "the result holds NaN"),
        (lambda x: np.where(x > 2, 7, x), "1 of 3 values differ, by at most 4"),
        (lambda x: "three", "the shape is ()"),
        (lambda x: x[7], "stopped with IndexError: index 7 is out of bounds"),
        (lambda x: 0 * x, "3 of 3 values differ"),
    ],
)
def test_the_difference_is_said_in_words(attempt, fragment: str) -> None:
    message = verdict(attempt, lambda x: x, [(np.array([1.0, 2.0, 3.0]),)])
    assert fragment in message and "input x: [1. 2. 3.]" in message and HINT in message


def test_several_results_are_compared_one_by_one() -> None:
    def pair(x):
        return x, 2 * x

    assert "value 2 of 2: the sign is reversed" in verdict(lambda x: (x, -2 * x), pair, [(1.5,)])
    assert "a tuple of 2 values is expected" in verdict(lambda x: x, pair, [(1.5,)])


def test_words_and_booleans_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    exercises.check(lambda x: "flat", lambda x: "flat", [(1,)], hint=HINT)
    exercises.check(lambda x: True, lambda x: x == 1, [(1,)], hint=HINT)
    assert capsys.readouterr().out.count("correct") == 2
    assert "the values differ" in verdict(lambda x: "sharp", lambda x: "flat", [(1,)])
    assert "the values differ" in verdict(lambda x: False, lambda x: True, [(1,)])


def test_tensors_are_compared_in_float64_and_gradients_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def square(x, index):
        seen.append((x.dtype, index.dtype))
        return x**2

    case = (torch.tensor([1.0, 3.0], requires_grad=True), torch.tensor([1]))
    exercises.check(square, lambda x, index: x * x, [case], hint=HINT)
    assert seen == [(torch.float64, torch.int64)]
    message = verdict(lambda x, index: x, lambda x, index: x * x, [case])
    assert "input index: [1]" in message and "expected: [1. 9.]" in message


def test_an_attempt_that_changes_its_input_cannot_change_the_reference() -> None:
    def zero(x):
        x *= 0
        return x

    case = np.ones(2)
    assert "expected: [1. 1.]" in verdict(zero, lambda x: x, [(case,)])
    np.testing.assert_array_equal(case, 1)


def test_every_case_counts() -> None:
    assert "input x: -2.0" in verdict(abs, lambda x: x, [(1.0,), (-2.0,)])
    with pytest.raises(ValueError, match="at least one case"):
        exercises.check(abs, abs, [], hint=HINT)


def test_tolerance_is_tight_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert "not right yet" in verdict(lambda x: x + 1e-6, lambda x: x, [(1.0,)])
    exercises.check(lambda x: x + 1e-6, lambda x: x, [(1.0,)], hint=HINT, tolerance=1e-5)
    assert "correct" in capsys.readouterr().out


def test_a_notebook_shows_only_the_message() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    error = exercises.NotRightYet("distance is not right yet\n  got: 5")
    shell = InteractiveShell()
    shown = []
    shell._showtraceback = lambda kind, value, lines: shown.extend(lines)
    try:
        raise error
    except exercises.NotRightYet:
        shell.showtraceback()
    assert shown == ["distance is not right yet", "  got: 5"]
