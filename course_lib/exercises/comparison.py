"""What distinguishes a learner's result from the expected one, in words, whatever the two are."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from . import patterns
from .arrays import Unreadable, as_array, is_rows_of_numbers, kind_of
from .showing import named

NO_SINGLE_VALUE = object()


@np.errstate(all="ignore")
def difference(got: Any, expected: Any, tolerance: float) -> str:
    """What distinguishes the two values, in words; empty when they agree within `tolerance`, absolute and relative.

    Several values (a tuple, or a list of other things than numbers) are compared one by one, a dictionary by its keys;
    a single number, word or boolean with the same; anything that holds many numbers as an array. Lists, tuples, arrays,
    tensors and Series may stand for each other. Whole numbers must be met exactly, and NaN agrees with NaN.
    """
    if isinstance(expected, dict):
        return _by_keys(got, expected, tolerance)
    if isinstance(expected, tuple) or (isinstance(expected, list) and not is_rows_of_numbers(expected)):
        return _one_by_one(got, expected, tolerance)
    single = single_value(expected)
    if single is not NO_SINGLE_VALUE:
        return _single(got, single, tolerance)
    try:
        wanted = as_array(expected)
    except Unreadable:
        return _one_by_one(got, expected, tolerance) if isinstance(expected, list) else _as_objects(got, expected)
    return _arrays(got, wanted, tolerance)


def single_value(value: Any) -> Any:
    """A number, boolean, word or None as Python's own, also from an array or tensor without axes."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return single_value(value.item())
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, (complex, np.complexfloating)):
        return complex(value)
    return float(value) if isinstance(value, (numbers.Real, np.floating)) else NO_SINGLE_VALUE


def _by_keys(got: Any, expected: dict[Any, Any], tolerance: float) -> str:
    if not isinstance(got, dict):
        return f"a dictionary is expected, got {named(got)}"
    for key in expected:
        if key not in got:
            return f"the key {key!r} is missing"
        if part := difference(got[key], expected[key], tolerance):
            return f"value of {key!r}: {part}"
    more = [key for key in got if key not in expected]
    return f"the key {more[0]!r} is one too many" if more else ""


def _one_by_one(got: Any, expected: tuple[Any, ...] | list[Any], tolerance: float) -> str:
    count = "1 value" if len(expected) == 1 else f"{len(expected)} values"
    if hasattr(got, "__next__"):
        return f"{named(got)} holds no values yet: make a list of it"
    is_row = isinstance(got, (list, tuple, range)) or len(getattr(got, "shape", ())) > 0
    if not is_row or len(got) != len(expected):
        return f"a {type(expected).__name__} of {count} is expected, got {named(got)}"
    items = got.to_numpy() if hasattr(got, "to_numpy") else got
    parts = (difference(*pair, tolerance) for pair in zip(items, expected, strict=True))
    return next((f"value {i} of {len(expected)}: {part}" for i, part in enumerate(parts, 1) if part), "")


def _single(got: Any, expected: Any, tolerance: float) -> str:
    value = single_value(got)
    if value is None and expected is not None:
        return "nothing came back (None)"
    if isinstance(expected, (bool, str, type(None))):
        if type(value) is type(expected):
            return "" if value == expected else f"expected {expected!r}, got {value!r}"
        wanted = {bool: "True or False", str: "a word"}.get(type(expected), "None")
        return f"{wanted} is expected, got {named(got)}"
    if value is NO_SINGLE_VALUE or isinstance(value, (bool, str)):
        return f"a number is expected, got {named(got)}"
    if isinstance(value, complex) and not isinstance(expected, complex):
        return f"a number without an imaginary part is expected, got {value}"
    if isinstance(expected, complex):
        pairs = ((f"{part} part: ", getattr(value, part), getattr(expected, part)) for part in ("real", "imag"))
        parts = (name + what for name, *pair in pairs if (what := patterns.real_number(*pair, tolerance)))
        return next(parts, "")
    if isinstance(expected, int):
        return patterns.whole_number(value, expected)
    return patterns.real_number(value, expected, tolerance, patterns.precision(got))


def _as_objects(got: Any, expected: Any) -> str:
    try:
        same = bool(got == expected)
    except Exception as error:  # whatever the comparison of two unknown things raises
        return f"{named(expected)} is expected, got {named(got)}, and they cannot be compared: {error}"
    return "" if same else "the values differ"


def _arrays(got: Any, wanted: np.ndarray, tolerance: float) -> str:
    if single_value(got) is None:
        return "nothing came back (None)"
    try:
        found = as_array(got)
    except Unreadable as obstacle:
        return str(obstacle)
    if found.shape != wanted.shape:
        return patterns.shapes(found, wanted, tolerance)
    if wanted.size == 0:
        return ""
    kinds = kind_of(found), kind_of(wanted)
    if kinds[0] != kinds[1] and any(kind in ("True and False", "words", "complex numbers") for kind in kinds):
        return f"{kinds[1]} are expected, got {kinds[0]}"
    if kinds[1] in ("True and False", "words"):
        return patterns.places(found, wanted, found != wanted)
    if kinds[1] == "whole numbers":
        return patterns.whole_numbers(found, wanted)
    return patterns.real_numbers(found, wanted, tolerance, patterns.precision(got))
