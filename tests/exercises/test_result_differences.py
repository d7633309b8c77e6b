"""What distinguishes two values, in words: for every kind of value a learner may return, and never by a traceback."""

from __future__ import annotations

from collections import namedtuple
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.exercises.comparison import difference

X = np.array([1.0, 2.0, 3.0])
Pair = namedtuple("Pair", "low high")


def compare(got, expected) -> str:
    return difference(got, expected, 1e-9)


SAME = {
    "list for array": ([1, 2, 3], X),
    "tuple for array": ((1.0, 2.0, 3.0), X),
    "array for list": (X, [1.0, 2.0, 3.0]),
    "range": (range(1, 4), X),
    "Series": (pd.Series([1.0, 2.0, 3.0]), X),
    "DataFrame": (pd.DataFrame({"a": [1.0], "b": [2.0]}), np.array([[1.0, 2.0]])),
    "tensor with gradient": (torch.tensor([1.0, 2.0, 3.0], requires_grad=True) * 1, X),
    "list of tensors with gradient": ([torch.tensor(float(i), requires_grad=True) for i in (1, 2, 3)], X),
    "bfloat16": (torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16), X),
    "list for tuple": ([1.0, 2.0], (1.0, 2.0)),
    "array for tuple": (np.array([1.0, 2.0]), (1.0, 2.0)),
    "tensor for tuple": (torch.tensor([1, 2]), (1, 2)),
    "Series for tuple": (pd.Series([1, 2], index=[5, 6]), (1, 2)),
    "named tuple": (Pair(1, 2), (1, 2)),
    "tensor without axes for number": (torch.tensor(2.5, requires_grad=True), 2.5),
    "number for array without axes": (2.5, np.array(2.5)),
    "Fraction": (Fraction(1, 2), 0.5),
    "list of Fractions": ([Fraction(1, 2), 1], np.array([0.5, 1.0])),
    "whole float for whole number": (28.0, 28),
    "NumPy integer": (np.int16(3), 3),
    "huge": (10**400, 10**400),
    "huge in a list": ([10**400, 1], [10**400, 1]),
    "boolean of NumPy": (np.bool_(True), True),
    "boolean tensor": (torch.tensor([True, False]), np.array([True, False])),
    "NaN for NaN": (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
    "NaN alone": (float("nan"), np.nan),
    "infinite": (float("inf"), np.inf),
    "None in a tuple": ((1.0, None), (1.0, None)),
    "empty": ([], np.empty(0)),
    "ragged as expected": ([[1, 2], [3]], [[1, 2], [3]]),
    "arrays of several shapes": ([X, np.eye(2)], (X, torch.eye(2))),
    "words": (["a", "b"], np.array(["a", "b"])),
    "dictionary": ({"b": 2.0, "a": [1]}, {"a": np.array([1.0]), "b": 2}),
    "set": ({1, 2}, {2, 1}),
    "complex": (1j, 1j),
    "sparse tensor": (torch.eye(2).to_sparse(), np.eye(2)),
}


@pytest.mark.parametrize("got, expected", SAME.values(), ids=SAME)
def test_what_says_the_same_is_accepted(got, expected) -> None:
    assert compare(got, expected) == ""


DIFFERENT = {
    # whole numbers
    "one too few": (27, 28, "expected the whole number 28, got 27: one too few"),
    "many too many": (40, 28, "got 40: 12 too many"),
    "not quite whole": (28.000000000001, 28, "got 28.000000000001: not quite whole, so round it"),
    "not whole": (27.5, 28, "expected the whole number 28, got 27.5"),
    "NaN for a whole number": (float("nan"), 28, "expected the whole number 28, got nan"),
    "huge for small": (10**5000, 28, "got a whole number of about 5001 digits"),
    "huge in an array": ([10**400, 1], X[:2], "the result holds whole numbers that no float can hold"),
    "huge for a float": (10**400, 2.5, "the result is a whole number of about 401 digits"),
    "whole array": ([1, 2, 4], np.array([1, 2, 3]), "1 of 3 values differ, first at index 2: got 4, expected 3"),
    "whole array, not quite": (
        [1, 2, 3.0000001],
        np.array([1, 2, 3]),
        "1 of 3 values are not quite whole, such as 3.0000001",
    ),
    "whole array, shifted": ([0, 1, 2], np.array([1, 2, 3]), "every value is 1 too small"),
    "whole array with NaN": ([1, 2, np.nan], np.array([1, 2, 3]), "got nan, expected 3"),
    "uint8": (np.array([0, 1], np.uint8), np.array([-1, 0]), "every value is 1 too large"),
    "whole array, reordered": ([3, 1, 2], np.array([1, 2, 3]), "the right values, but not in the right places"),
    # real numbers
    "too large": (6.0, 2.5, "too large by 3.5"),
    "sign": (-2.5, 2.5, "the sign is reversed"),
    "float32 by its type": (np.float32(0.1), 0.1, "it was computed in float32"),
    "float32 by its error": (float(np.float32(0.1)), 0.1, "differs by 1e-08 of its size: computed in float32?"),
    "bfloat16 by its type": (torch.tensor(0.1, dtype=torch.bfloat16), 0.1, "it was computed in bfloat16"),
    "a small term": (0.5 + 1e-5, 0.5, "differs by 2e-05 of its size: rounded, or a small term left out?"),
    "NaN for a number": (float("nan"), 2.5, "expected 2.5, got nan"),
    "infinite for a number": (float("inf"), 2.5, "expected 2.5, got inf"),
    # arrays
    "factor": (2 * X, X, "the result is 2 times what is expected"),
    "negative factor": (-2 * X, X, "the result is -2 times what is expected"),
    "reversed sign": (-X, X, "the sign is reversed"),
    "offset": (X + 3, X, "every value is 3 too large"),
    "order": (X[::-1], X, "the right values, but not in the right places"),
    "some": (np.where(X > 2, 7, X), X, "1 of 3 values differ, first at index 2: got 7, expected 3"),
    "zeros": (0 * X, X, "3 of 3 values differ"),
    "array of float32": (X.astype(np.float32) / np.float32(3), X / 3, "it was computed in float32"),
    "NaN within": (np.array([1, np.nan, 3]), X, "the result holds NaN: 1 of 3 values differ, first at index 1"),
    "NaN missing": (X, np.array([1, np.nan, 3]), "NaN or infinity is missing: 1 of 3 values"),
    "infinite within": (np.array([1, np.inf, 3]), X, "the result holds infinity: 1 of 3 values"),
    "one of many sizes": (np.array([1e6, 1.5]), np.array([1e6, 1.0]), "1 of 2 values differ, first at index 1"),
    "the same in float32": (np.array([1e6, 1.5], np.float32), np.array([1e6, 1.0]), "1 of 2 values differ"),
    "float32 near zero": (np.array([1.0, 1e-9]).astype(np.float32), np.array([1.0, 3e-9]), "computed in float32"),
    "two axes": (np.eye(2), np.zeros((2, 2)), "first at index (0, 0): got 1, expected 0"),
    # shapes
    "shorter": (X[:2], X, "the shape is (2,), expected (3,)"),
    "a column": (X[:, None], X, "the shape is (3, 1), expected (3,)"),
    "transposed": (np.arange(6.0).reshape(2, 3).T, np.arange(6.0).reshape(2, 3), "with the axes exchanged"),
    "one for many": (1.0, X, "a single value came back, the shape (3,) is expected"),
    "many for one": (X, 2.5, "a number is expected, got a float64 array of shape (3,)"),
    "an array of one": (np.array([2.5]), 2.5, "a number is expected, got a float64 array of shape (1,)"),
    # kinds
    "boolean for number": (True, 1, "a number is expected, got True"),
    "number for boolean": (1, True, "True or False is expected, got the number 1"),
    "boolean differs": (False, True, "expected True, got False"),
    "text for number": ("three", 3.0, "a number is expected, got the text 'three'"),
    "number for text": (3, "flat", "a word is expected, got the number 3"),
    "text differs": ("sharp", "flat", "expected 'flat', got 'sharp'"),
    "None for text": (None, "flat", "nothing came back (None)"),
    "booleans for numbers": ([True, False, True], X, "numbers are expected, got True and False"),
    "numbers for booleans": ([1, 0], np.array([True, False]), "True and False are expected, got whole numbers"),
    "words for numbers": (["a", "b", "c"], X, "numbers are expected, got words"),
    "text for array": ("abc", X, "a single value came back"),
    "complex for real": (X + 1j, X, "numbers are expected, got complex numbers"),
    "words differ": (["a", "c"], np.array(["a", "b"]), "first at index 1: got 'c', expected 'b'"),
    # what is no array
    "ragged": ([[1, 2], [3]], np.eye(2), "the rows are not equally long: 2, 1"),
    "ragged beside a number": ([[1, 2], 3], np.eye(2), "the rows are not equally long: 2, a single value"),
    "None within": ([1.0, None, 3.0], X, "value 2 of 3 is None"),
    "text within": ([1.0, "b", 3.0], X, "value 2 of 3 is the text 'b', among numbers"),
    "objects": (np.array([1, None, 3], dtype=object), X, "value 2 of 3 is None"),
    "generator": ((x for x in X), X, "a generator holds no values yet: make a list or an array of it"),
    "zip": (zip(X), X, "a zip holds no values yet"),
    "generator for tuple": ((x for x in X), (1, 2), "a generator holds no values yet: make a list of it"),
    "set for array": ({1.0, 2.0}, X, "a set of 2 values came back"),
    "function": (np.mean, 2.5, "a number is expected, got the function mean itself"),
    "function for array": (len, X, "the function len itself came back"),
    "table of words": (pd.DataFrame({"a": ["x", 1]}), np.eye(2), "value 1 of 2 holds words, among numbers"),
    # several values
    "tuple too short": ((1,), (1, 2), "a tuple of 2 values is expected, got a tuple of 1 values"),
    "no tuple": (1.5, (1, 2), "a tuple of 2 values is expected, got the number 1.5"),
    "text for tuple": ("ab", (1, 2), "a tuple of 2 values is expected, got the text 'ab'"),
    "second of two": ((1.5, -3.0), (1.5, 3.0), "value 2 of 2: the sign is reversed"),
    "None second": ((1.5, None), (1.5, 3.0), "value 2 of 2: nothing came back (None)"),
    "value for None": ((1.5, 2), (1.5, None), "value 2 of 2: None is expected, got the number 2"),
    "key missing": ({"a": 1}, {"a": 1, "b": 2}, "the key 'b' is missing"),
    "key too many": ({"a": 1, "b": 2}, {"a": 1}, "the key 'b' is one too many"),
    "under a key": ({"a": 2}, {"a": 1}, "value of 'a': expected the whole number 1, got 2: one too many"),
    "no dictionary": ([1], {"a": 1}, "a dictionary is expected, got a list of 1 values"),
    "set differs": ({1}, {2}, "the values differ"),
}


@pytest.mark.parametrize("got, expected, words", DIFFERENT.values(), ids=DIFFERENT)
def test_the_difference_is_said_in_words(got, expected, words: str) -> None:
    assert words in compare(got, expected)


def test_a_ratio_needs_two_sizes_and_is_never_one() -> None:
    assert "times" not in compare(5.0, 2.5)
    assert "times" not in compare(np.array([5.0, 5.0]), np.array([2.5, 2.5]))
    assert "times" not in compare(np.array([2, 4, 6]), np.array([1, 2, 3]))
    for error in (1e-8, 1e-6, 1e-4, 9e-4):
        assert "of its size" in compare(X * (1 + error), X)
    assert "1.005 times" in compare(X * 1.005, X)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=3)
    | st.sampled_from(
        [..., len, X, np.eye(2), torch.ones(2, 2), np.float32(1), np.array("a"), pd.Series([1, None]), 10**400]
    )
    | st.sampled_from([torch.tensor([1.0, 2.0, 3.0], dtype=torch.bfloat16), np.array([{}]), np.empty((0, 3)), b"x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=1), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(got=ANYTHING, expected=ANYTHING)
def test_whatever_is_compared_ends_in_a_sentence(got, expected) -> None:
    assert isinstance(compare(got, expected), str)
