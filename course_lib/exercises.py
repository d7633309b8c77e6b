"""Checks for the exercises in the notebooks: not done yet, not right yet with a hint, or correct."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class NotRightYet(AssertionError):
    """The learner's answer differs from the reference. A notebook shows the message without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def check(
    attempt: Callable[..., Any],
    reference: Callable[..., Any],
    cases: Sequence[tuple[Any, ...]],
    *,
    hint: str,
    tolerance: float = 1e-9,
) -> None:
    """Compare the learner's function with the reference on each case, a tuple of arguments, in float64.

    Prints "not done yet" while `attempt` returns None or `...` or raises NotImplementedError, so that the notebook
    still runs from top to bottom, and "correct" when all cases agree within `tolerance` (absolute and relative).
    Results are numbers, strings, arrays, tensors, or tuples and lists of these. Raises NotRightYet, an
    AssertionError, with the input, what was expected, what came back, and `hint`.
    """
    if not cases:
        raise ValueError("check needs at least one case; without one every answer would be correct.")
    name = attempt.__name__
    for case in cases:
        expected = reference(*_as_float64(copy.deepcopy(case)))
        try:
            got = attempt(*_as_float64(copy.deepcopy(case)))
        except NotImplementedError:
            got = None
        except Exception as error:
            message = f"{name} stopped with {type(error).__name__}: {error}"
            raise NotRightYet(_report(message, reference, case, {"hint": hint})) from error
        if got is None or got is ...:
            print(f"not done yet: replace the body of {name}, run its cell, then run this cell again")
            return
        difference = _difference(got, expected, tolerance)
        if difference:
            lines = {"expected": _show(expected), "got": _show(got), "so": difference, "hint": hint}
            raise NotRightYet(_report(f"{name} is not right yet", reference, case, lines))
    print(f"correct: {name} agrees with the reference on {len(cases)} case{'s' if len(cases) > 1 else ''}")


def _as_float64(value: Any) -> Any:
    """The same value with every floating-point array or tensor, also inside tuples and lists, in float64."""
    if isinstance(value, (tuple, list)):
        return type(value)(_as_float64(item) for item in value)
    if isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating):
        return value.astype(np.float64)
    if hasattr(value, "is_floating_point") and value.is_floating_point():  # a tensor, without importing torch
        return value.double()
    return value


def _as_numpy(value: Any) -> np.ndarray:
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def _difference(got: Any, expected: Any, tolerance: float) -> str:
    """What distinguishes the two values, in words; empty when they agree."""
    if isinstance(expected, (tuple, list)):
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            return f"a {type(expected).__name__} of {len(expected)} values is expected"
        parts = (_difference(*pair, tolerance) for pair in zip(got, expected, strict=True))
        return next((f"value {i} of {len(expected)}: {part}" for i, part in enumerate(parts, 1) if part), "")
    got, expected = _as_numpy(got), _as_numpy(expected)
    if got.shape != expected.shape:
        return f"the shape is {got.shape}, expected {expected.shape}"
    if not (np.issubdtype(got.dtype, np.number) and np.issubdtype(expected.dtype, np.number)):
        return "" if np.array_equal(got, expected) else "the values differ"
    if np.allclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True):
        return ""
    return _pattern(got.astype(np.float64), expected.astype(np.float64))


def _pattern(got: np.ndarray, expected: np.ndarray) -> str:
    """The simplest relation that explains all the values at once."""
    if np.any(np.isnan(got) & ~np.isnan(expected)):
        return "the result holds NaN"
    if np.allclose(got, -expected):
        return "the sign is reversed"
    nonzero = np.abs(expected) > 1e-12
    if nonzero.any() and np.allclose(got[~nonzero], 0):
        ratios = got[nonzero] / expected[nonzero]
        if ratios.flat[0] != 0 and np.allclose(ratios, ratios.flat[0]):
            return f"the result is {ratios.flat[0]:.4g} times what is expected"
    offsets = got - expected
    if got.size > 1 and np.allclose(offsets, offsets.flat[0]):
        return f"the result is {offsets.flat[0]:.4g} more than expected everywhere"
    wrong = int(np.sum(~np.isclose(got, expected)))
    return f"{wrong} of {got.size} values differ, by at most {np.nanmax(np.abs(offsets)):.4g}"


def _show(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(_show(item) for item in value)
    array = _as_numpy(value)
    with np.printoptions(precision=6, threshold=20, edgeitems=3):
        return str(array).replace("\n", "\n" + " " * 12)


def _report(message: str, reference: Callable[..., Any], case: tuple[Any, ...], lines: dict[str, str]) -> str:
    names = list(inspect.signature(reference).parameters)
    names += [f"argument {i}" for i in range(len(names) + 1, len(case) + 1)]
    shown = {f"input {name}": _show(value) for name, value in zip(names, case, strict=False)} | lines
    return "\n".join([message, *(f"  {label}: {text}" for label, text in shown.items())])
