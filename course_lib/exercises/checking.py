"""The check of an exercise: not done yet, not right yet with a hint, or correct."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .attempts import Stopped, answer, name_of, returned_nothing
from .comparison import difference
from .hints import SESSION
from .inputs import all_cases, in_float64, prepared
from .showing import show
from .strictness import NotRightYet, not_done

FEWEST_CASES = 5


def check(
    attempt: Callable[..., Any],
    reference: Callable[..., Any],
    cases: Sequence[tuple[Any, ...]],
    *,
    draw: Callable[[np.random.Generator], tuple[Any, ...]] | None = None,
    n_drawn: int = 20,
    seed: int = 0,
    hints: Sequence[str] = (),
    tolerance: float = 1e-9,
    strict: bool | None = None,
) -> None:
    """Compare the learner's function with the reference on each case, a tuple of arguments, in float64.

    The cases are the visible ones and `n_drawn` more that `draw` makes from a generator of the seed. Prints "correct"
    when all results agree within `tolerance` (absolute and relative; whole numbers, words and booleans exactly), and
    "not done yet" while the function is a stub, so that a notebook still runs from top to bottom. `strict`, or
    COURSE_STRICT=1 where it is None, raises NotDoneYet instead. See `difference` for what may stand for what.

    A wrong answer raises NotRightYet: the verdict, one more of the `hints` each time, what differs, what was expected,
    what came back, and the input. Raises ValueError for fewer than five cases, so that no table of results passes.

    >>> check(lambda x: x * x, lambda x: x**2, [(1.5,), (0.0,)], draw=lambda rng: (rng.normal(),), strict=True)
    correct: <lambda> agrees with the reference on 22 cases, 20 of them drawn at random
    """
    name, every = name_of(attempt), all_cases(cases, draw, n_drawn, seed)
    if len(every) < FEWEST_CASES:
        raise ValueError(f"check needs at least {FEWEST_CASES} cases, got {len(every)}: add some, or a function draw.")
    SESSION.offer(name, hints)
    for place, case in enumerate(every, 1):
        origin = f" (drawn case {place - len(cases)} of {n_drawn})" if place > len(cases) else ""
        with in_float64():
            expected = reference(*prepared(case))
            got, printed = answer(attempt, prepared(case))
        if expected is None:
            raise ValueError(f"The reference of {name} returned None for {case!r}: it has nothing to compare with.")
        if got is ...:
            not_done(f"replace the body of {name}, run its cell, then run this cell again", strict)
            return
        inputs = _inputs(attempt, reference, case, origin)
        if got is None:
            raise NotRightYet(_lines(returned_nothing(name, printed), inputs))
        what = got.sentence if isinstance(got, Stopped) else difference(got, expected, tolerance)
        if what:
            values = [f"expected: {show(expected)}", *([] if isinstance(got, Stopped) else [f"got: {show(got)}"])]
            prints = [f"it printed: {show(printed.strip())}"] if printed.strip() else []
            title = f"{name} is not right yet"
            raise NotRightYet(_lines(title, [*SESSION.one_more(name), what, *values, *inputs, *prints]))
    SESSION.start_anew(name)
    drawn = f", {len(every) - len(cases)} of them drawn at random" if len(every) > len(cases) else ""
    print(f"correct: {name} agrees with the reference on {len(every)} cases{drawn}")


def _lines(title: str, lines: list[str]) -> str:
    return "\n  ".join([title, *lines])


def _inputs(
    attempt: Callable[..., Any], reference: Callable[..., Any], case: tuple[Any, ...], origin: str
) -> list[str]:
    """At most four lines that say the arguments of a case by name."""
    names = next((names for names in map(_arguments, (attempt, reference)) if len(names) == len(case)), None)
    names = names or [f"argument {place}" for place in range(1, len(case) + 1)]
    shown = [f"{name} = {show(value)}" for name, value in zip(names, case, strict=True)]
    rows = shown[:3] + ([", ".join(shown[3:])] if shown[3:] else [])
    return [f"input{origin}: {rows[0]}", *(f"       {row}" for row in rows[1:])] if rows else []


def _arguments(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some built-in functions have no signature
        return []
