"""A learner's value as one array, whatever holds it: lists, tensors, tables. If that cannot be, a sentence says why."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from .showing import as_numpy, named

KINDS = {"b": "True and False", "i": "whole numbers", "u": "whole numbers", "f": "numbers", "c": "complex numbers"}


class Unreadable(Exception):
    """A value that is no array of numbers or words; the message says why in a sentence."""


def as_array(value: Any) -> np.ndarray:
    """The value as array of booleans, numbers or words; whole numbers beyond 64 bits as Python's own.

    Lists and tuples of any depth, ranges, arrays, tensors of any type and with gradients, Series and DataFrames are
    read. Raises Unreadable for ragged rows, None or text among numbers, generators, sets, functions and the like.
    """
    if hasattr(value, "to_numpy"):  # a Series or DataFrame
        value = value.to_numpy()
    if isinstance(value, (list, tuple, range)):
        return _of_rows(list(value))
    if isinstance(value, (numbers.Number, str, np.ndarray)) or hasattr(value, "detach"):
        array = as_numpy(value)
        if array.dtype != object or isinstance(value, int):
            return array
        if array.ndim:
            return _of_rows(array.tolist())
        return as_array(array.item()) if isinstance(value, np.ndarray) else np.asarray(float(value))  # a Fraction
    if hasattr(value, "__next__"):
        raise Unreadable(f"{named(value)} holds no values yet: make a list or an array of it")
    raise Unreadable(f"{named(value)} came back, and it cannot be read as an array")


def _of_rows(rows: list[Any]) -> np.ndarray:
    parts = []
    for place, row in enumerate(rows, 1):
        if row is None or row is ...:
            raise Unreadable(f"value {place} of {len(rows)} is {row}")
        parts.append(as_array(row))
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        lengths = ", ".join(str(part.shape[0]) if part.ndim else "a single value" for part in parts[:5])
        raise Unreadable(f"the rows are not equally long: {lengths}{', …' if len(parts) > 5 else ''}")
    words = [part.dtype.kind in "US" for part in parts]
    if any(words) and not all(words):
        place = words.index(True)
        what = f"is {named(rows[place])}" if isinstance(rows[place], str) else "holds words"
        raise Unreadable(f"value {place + 1} of {len(rows)} {what}, among numbers")
    array = np.stack(parts) if parts else np.empty(0)
    if array.dtype == object and not all(isinstance(item, int) for item in array.flat):
        try:
            return array.astype(np.float64)
        except (TypeError, OverflowError) as error:
            raise Unreadable("whole numbers beyond 64 bits stand beside other numbers") from error
    return array


def is_rows_of_numbers(value: Any) -> bool:
    """Whether a list, at any depth, holds nothing but numbers: then it is meant as an array."""
    if isinstance(value, list):
        return bool(value) and all(map(is_rows_of_numbers, value))
    return isinstance(value, numbers.Number) and not isinstance(value, (bool, np.bool_))


def kind_of(array: np.ndarray) -> str:
    """What an array holds, in words."""
    return "whole numbers" if array.dtype == object else KINDS.get(array.dtype.kind, "words")
