"""The simplest relation between numbers that differ: one too few, reversed in sign, in another order, in float32."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .showing import number, show

# Relative error that rounding to a type of fewer bits leaves after a handful of operations.
ROUNDING = {"float16": 1e-2, "bfloat16": 5e-2, "float32": 1e-5}
SMALL = 1e-3  # a relative error that is no other factor, but something rounded or left out
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def precision(value: Any) -> str:
    """The type of the numbers of an array, tensor or NumPy number, such as "float32"; empty if it has none."""
    return str(getattr(value, "dtype", "")).removeprefix("torch.")


def whole_number(got: int | float, expected: int) -> str:
    """How a number differs from the whole number that is expected; empty when it is the same."""
    if got == expected:
        return ""
    start = f"expected the whole number {number(expected)}, got {repr(got) if isinstance(got, float) else number(got)}"
    if isinstance(got, float) and not got.is_integer():
        is_near = math.isfinite(got) and abs(got - round(got)) < 1e-6 and round(got) == expected
        return f"{start}: not quite whole, so round it, or divide with //" if is_near else start
    gap = int(got) - expected
    if abs(gap) >= 10**20:
        return start
    size = WORDS[abs(gap)] if abs(gap) < len(WORDS) else number(abs(gap))
    return f"{start}: {size} too {'many' if gap > 0 else 'few'}"


def real_number(got: int | float, expected: float, tolerance: float, dtype: str = "") -> str:
    """How a number differs from the one that is expected; empty when they agree within the tolerance."""
    try:
        got = float(got)
    except OverflowError:
        return f"the result is {number(got)}"
    if got == expected or (math.isnan(got) and math.isnan(expected)):
        return ""
    if not (math.isfinite(got) and math.isfinite(expected)):
        return f"expected {number(expected)}, got {number(got)}"
    gap = got - expected
    if abs(gap) <= tolerance * (1 + abs(expected)):
        return ""
    if small := small_error(np.array([abs(gap)]), np.array([abs(expected)]), dtype):
        return small
    if math.isclose(got, -expected):
        return "the sign is reversed"
    return f"too {'large' if gap > 0 else 'small'} by {number(abs(gap), 4)}"


def small_error(gaps: np.ndarray, sizes: np.ndarray, dtype: str) -> str:
    """A sentence on errors that are small beside the numbers that are expected; empty when one of them is not.

    A number near zero, which rounding hits hardest, counts as a certain share of the largest.
    """
    if not np.any(sizes):
        return ""
    if (share := _share(gaps, sizes, 1e-2)) < ROUNDING.get(dtype, 0):
        return f"differs by {share:.0e} of its size: it was computed in {dtype}; keep the float64 of the inputs"
    if (share := _share(gaps, sizes, 1e-6)) < 2e-6:
        return f"differs by {share:.0e} of its size: computed in float32?"
    return f"differs by {share:.0e} of its size: rounded, or a small term left out?" if share < SMALL else ""


def _share(gaps: np.ndarray, sizes: np.ndarray, least: float) -> float:
    return float(np.max(gaps / np.maximum(sizes, least * sizes.max())))


def shapes(got: np.ndarray, expected: np.ndarray, tolerance: float) -> str:
    """How two shapes differ, and whether only the axes are in another order."""
    if got.ndim == 0:
        return f"a single value came back, the shape {expected.shape} is expected"
    is_number = got.dtype.kind in "iuf" and expected.dtype.kind in "iuf"
    if is_number and got.T.shape == expected.shape and np.allclose(got.T, expected, tolerance, tolerance):
        return f"the shape is {got.shape}, expected {expected.shape}: the right values, with the axes exchanged"
    return f"the shape is {got.shape}, expected {expected.shape}"


def places(got: np.ndarray, expected: np.ndarray, wrong: np.ndarray) -> str:
    """How many values differ, and the first of them; empty when none does."""
    if not wrong.any():
        return ""
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f"index {first[0]}" if len(first) == 1 else f"index {first}"
    shown = [show(array[first]) for array in (got, expected)]
    return f"{int(wrong.sum())} of {wrong.size} values differ, first at {where}: got {shown[0]}, expected {shown[1]}"


def whole_numbers(got: np.ndarray, expected: np.ndarray) -> str:
    """How an array differs from the whole numbers that are expected; empty when all are the same."""
    wrong = np.asarray(got != expected)
    if not wrong.any():
        return ""
    if got.dtype.kind == "f" and np.all(np.isfinite(got)) and np.array_equal(np.rint(got), expected):
        return f"{int(wrong.sum())} of {wrong.size} values are not quite whole, such as {got[wrong][0]!s}: round them"
    pairs = zip(got.flat, expected.flat, strict=True)
    gaps = {int(a) - int(b) for a, b in pairs} if got.dtype.kind != "f" and got.size > 1 else set()
    if len(gaps) == 1:
        (gap,) = gaps
        return f"every value is {number(abs(gap))} too {'large' if gap > 0 else 'small'}"
    return _in_another_order(got, expected) or places(got, expected, wrong)


def real_numbers(got: np.ndarray, expected: np.ndarray, tolerance: float, dtype: str = "") -> str:
    """How an array differs from the numbers that are expected; empty when all agree within the tolerance."""
    if got.dtype.kind == "c" or expected.dtype.kind == "c":
        return places(got, expected, ~np.isclose(got, expected, tolerance, tolerance, equal_nan=True))
    try:
        got, expected = got.astype(np.float64), expected.astype(np.float64)
    except OverflowError:
        return "the result holds whole numbers that no float can hold"
    wrong = ~np.isclose(got, expected, tolerance, tolerance, equal_nan=True)
    if not wrong.any():
        return ""
    strange = wrong & ~(np.isfinite(got) & np.isfinite(expected))
    if strange.any():
        if np.isfinite(got[strange]).all():
            return f"NaN or infinity is missing: {places(got, expected, strange)}"
        what = "NaN" if np.isnan(got[strange]).any() else "infinity"
        return f"the result holds {what}: {places(got, expected, strange)}"
    finite = np.isfinite(expected)
    return _relation(got[finite], expected[finite], dtype) or (
        f"{places(got, expected, wrong)}; largest difference {number(np.max(np.abs(got - expected)[wrong]), 4)}"
    )


def _relation(got: np.ndarray, expected: np.ndarray, dtype: str) -> str:
    """The one relation that explains all values, if there is one: size, sign, factor, offset or order."""
    gaps = got - expected
    if small := small_error(np.abs(gaps), np.abs(expected), dtype):
        return small
    if np.allclose(got, -expected) and np.any(expected):
        return "the sign is reversed"
    if factor := _common_factor(got, expected):
        return f"the result is {number(factor, 4)} times what is expected"
    if got.size > 1 and np.allclose(gaps, gaps[0]):
        return f"every value is {number(abs(gaps[0]), 4)} too {'large' if gaps[0] > 0 else 'small'}"
    return _in_another_order(got, expected)


def _common_factor(got: np.ndarray, expected: np.ndarray) -> float:
    """The factor between the arrays, if two values of different size, or more, agree on one; else 0."""
    nonzero = np.abs(expected) > 1e-12
    if not nonzero.any() or not np.allclose(got[~nonzero], 0):
        return 0.0
    sizes, ratios = np.abs(expected[nonzero]), got[nonzero] / expected[nonzero]
    if np.allclose(sizes, sizes[0]) or not np.allclose(ratios, ratios[0]):
        return 0.0
    return float(ratios[0])


def _in_another_order(got: np.ndarray, expected: np.ndarray) -> str:
    """A sentence if the values are the right ones in other places."""
    if got.dtype == object or expected.dtype == object:
        return ""
    is_same = np.allclose(np.sort(got, axis=None), np.sort(expected, axis=None), 1e-9, 1e-9)
    return "the right values, but not in the right places" if is_same else ""
