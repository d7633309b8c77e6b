"""The exercise checker: each of its verdicts, what a case may be, and how its messages are laid out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib import exercises
from course_lib.exercises.hints import SESSION

HINTS = ("Look at equation 2.", "It has a factor.", "The factor is one half: 0.5 * …")
CASES = [(np.array([1.0, 2.0]),), *((np.arange(n) / 2,) for n in range(2, 6))]


@pytest.fixture(autouse=True)
def a_fresh_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_STRICT", raising=False)
    SESSION._revealed.clear()


def half_square(x):
    return 0.5 * (x**2).sum()


def verdict(attempt, reference=half_square, cases=CASES, **options) -> str:
    """The message of the failure."""
    with pytest.raises(exercises.NotRightYet) as failure:
        exercises.check(attempt, reference, cases, **({"hints": HINTS} | options))
    return str(failure.value)


def not_done(x):
    raise NotImplementedError


def dots(x): ...


def only_a_docstring(x):
    """Half the square."""


BLANKS = [lambda x: None, lambda x: ..., not_done, dots, only_a_docstring]


@pytest.mark.parametrize("attempt", BLANKS, ids=["None", "returns ...", "raises", "...", "docstring"])
def test_a_stub_is_not_done_yet(attempt, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    attempt.__name__ = "distance"
    exercises.check(attempt, half_square, CASES, hints=HINTS)
    assert capsys.readouterr().out.startswith("not done yet: replace the body of distance")
    with pytest.raises(exercises.NotDoneYet, match="not done yet: replace the body of distance"):
        exercises.check(attempt, half_square, CASES, hints=HINTS, strict=True)
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(exercises.NotDoneYet):
        exercises.check(attempt, half_square, CASES, hints=HINTS)
    exercises.check(attempt, half_square, CASES, hints=HINTS, strict=False)
    monkeypatch.setenv("COURSE_STRICT", "0")
    exercises.check(attempt, half_square, CASES, hints=HINTS)


def test_a_right_answer_is_correct_strict_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    def distance(x):
        return sum(value * value for value in x) / 2

    exercises.check(distance, half_square, CASES, strict=True)
    exercises.check(distance, half_square, CASES[:1], draw=lambda rng: (rng.normal(size=3),), n_drawn=4)
    assert capsys.readouterr().out.splitlines() == [
        "correct: distance agrees with the reference on 5 cases",
        "correct: distance agrees with the reference on 5 cases, 4 of them drawn at random",
    ]


def test_a_lost_return_is_named_and_costs_no_hint() -> None:
    def forgets(x):
        0.5 * (x**2).sum()

    def prints(x):
        print(0.5 * (x**2).sum())

    def forgets_a_branch(x):
        if x[0]:
            return half_square(x)

    assert verdict(forgets).splitlines() == [
        "forgets is not right yet: it returned nothing. Is `return` missing?",
        "  input: x = [1, 2]",
    ]
    assert "it printed '2.5', but returned nothing" in verdict(prints)
    cases = [(np.ones(2),)] * 4 + [(np.zeros(2),)]
    assert verdict(forgets_a_branch, cases=cases).splitlines()[1:] == ["  input: x = [0, 0]"]
    assert "hint 1" not in verdict(forgets) and not SESSION._revealed


def test_the_message_begins_with_the_hint_and_ends_with_the_input() -> None:
    def distance(x, power):
        print("I was here")
        return (x**power).sum(keepdims=True) * np.ones(2)

    cases = [(case[0], 2) for case in CASES]
    assert verdict(distance, lambda x, power: np.array([0.5, 0.25]) * (x**power).sum(), cases).splitlines() == [
        "distance is not right yet",
        "  hint 1 of 3: Look at equation 2.",
        "  2 of 2 values differ, first at index 0: got 5, expected 2.5; largest difference 3.75",
        "  expected: [2.5, 1.25]",
        "  got: [5, 5]",
        "  input: x = [1, 2]",
        "         power = 2",
        "  it printed: 'I was here'",
    ]


def test_each_failing_check_shows_one_more_hint_until_it_is_solved(capsys: pytest.CaptureFixture[str]) -> None:
    def distance(x):
        return (x**2).sum()

    shown = [verdict(distance).count("hint ") for _ in range(4)]
    assert shown == [1, 2, 3, 3]

    def distance(x):
        return half_square(x)

    exercises.check(distance, half_square, CASES, hints=HINTS)

    def distance(x):
        return 3.0

    assert verdict(distance).count("hint ") == 1


def test_a_message_is_short_whatever_the_input() -> None:
    case = tuple(torch.randn(4, 3, 16, 16) for _ in range(7))

    def prints(*x):
        print("layer\n" * 50)
        return x[0]

    for revealed in (1, 2, 3):
        message = verdict(prints, lambda *x: -x[0] + 1e-3, [case] * 5)
        assert message.count("hint ") == revealed and len(message.splitlines()) <= 12
        assert max(map(len, message.splitlines())) < 500
    assert "got: a float64 tensor of shape (4, 3, 16, 16): " in message


def test_a_drawn_case_is_named_as_one_and_is_the_same_every_time() -> None:
    def draw(rng):
        return (float(rng.integers(1, 100)),)

    messages = {verdict(lambda x: 1.0, lambda x: x, [(1.0,)], draw=draw, hints=()) for _ in range(2)}
    (message,) = messages
    assert "input (drawn case 1 of 20): x = 85" in message
    assert verdict(lambda x: 1.0, lambda x: x, [(1.0,)], draw=draw, hints=(), seed=1) != message


def test_too_few_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 5 cases, got 4"):
        exercises.check(abs, abs, [(1.0,)] * 4)
    with pytest.raises(ValueError, match="at least 5 cases, got 3"):
        exercises.check(abs, abs, [(1.0,)], draw=lambda rng: (rng.normal(),), n_drawn=2)
    with pytest.raises(ValueError, match=r"even of one: \(x,\). Got a float"):
        exercises.check(abs, abs, [1.0] * 5)
    with pytest.raises(ValueError, match="Got a list"):
        exercises.check(abs, abs, [], draw=lambda rng: [rng.normal()])


def test_mistakes_of_the_author_are_no_verdicts() -> None:
    with pytest.raises(ValueError, match="reference of abs returned None"):
        exercises.check(abs, lambda x: None, [(1.0,)] * 5)
    with pytest.raises(ZeroDivisionError):
        exercises.check(abs, lambda x: 1 / 0, [(1.0,)] * 5)
    with pytest.raises(ValueError, match="hints is one text"):
        exercises.check(abs, abs, [(1.0,)] * 5, hints="Divide by two.")
    with pytest.raises(TypeError, match="the function itself"):
        exercises.check(2.5, abs, [(1.0,)] * 5)


def test_every_case_counts() -> None:
    message = verdict(abs, lambda x: x, [(1.0,), (2.0,), (3.0,), (4.0,), (-2.0,)])
    assert "input: x = -2" in message


def test_tolerance_is_tight_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    cases = [(1.0,)] * 5
    assert "differs by 1e-06 of its size" in verdict(lambda x: x + 1e-6, lambda x: x, cases)
    exercises.check(lambda x: x + 1e-6, lambda x: x, cases, tolerance=1e-5)
    assert "correct" in capsys.readouterr().out


def test_an_attempt_that_changes_its_input_cannot_change_the_reference() -> None:
    def zero(x, pair):
        x *= 0
        pair[0].append(3)
        return x

    case = np.ones(2)
    message = verdict(zero, lambda x, pair: x * len(pair[0]), [(case, ([1, 2],))] * 5)
    assert "expected: [2, 2]" in message and "x = [1, 1]" in message and "pair = ([1, 2],)" in message
    np.testing.assert_array_equal(case, 1)


def test_an_error_is_a_sentence_with_the_line_where_it_happened() -> None:
    def indexes(x):
        y = x
        return y[7]

    def leaves(x):
        raise SystemExit

    def deep(x):
        return deep(x)

    message = verdict(indexes)
    assert "stopped with IndexError: index 7 is out of bounds" in message and "(at `return y[7]`)" in message
    assert "got:" not in message and "expected: 2.5" in message
    assert "stopped with SystemExit" in verdict(leaves)
    assert "stopped with RecursionError" in verdict(deep)
    assert "takes 0 positional arguments" in verdict(lambda: 1)


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
