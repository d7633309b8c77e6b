"""Values of any kind on one short line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from course_lib.exercises.showing import named, show

SHOWN = {
    "number": (2.5, "2.5"),
    "float of NumPy": (np.float64(1 / 3), "0.3333333333"),
    "whole": (1234567890123, "1234567890123"),
    "huge": (10**5000, "a whole number of about 5001 digits"),
    "negative and huge": (-(10**30), "a whole number of about 31 digits"),
    "text": ("flat", "'flat'"),
    "True": (True, "True"),
    "boolean tensor": (torch.tensor(True), "True"),
    "list": ([(3, 3), (1, 7)], "[(3, 3), (1, 7)]"),
    "tuple of one": ((1,), "(1,)"),
    "long list": (list(range(9)), "[0, 1, 2, 3, 4, 5, … 9 in all]"),
    "small array": (np.array([[1.0, 2.5], [0, 1 / 3]]), "[[1, 2.5], [0, 0.333333]]"),
    "booleans": (np.array([True, False]), "[True, False]"),
    "words": (np.array(["a", "b"]), "['a', 'b']"),
    "large array": (np.arange(20), "an int64 array of shape (20,): 0, 1, 2, 3, …"),
    "tensor": (torch.zeros(2, 3, 4), "a float32 tensor of shape (2, 3, 4): 0, 0, 0, 0, …"),
    "bfloat16": (torch.ones(2, dtype=torch.bfloat16), "[1, 1]"),
    "with gradient": (torch.ones(2, requires_grad=True), "[1, 1]"),
    "empty": (np.empty((0, 2)), "an empty array of shape (0, 2)"),
    "dictionary": ({"trained": 5}, "{'trained': 5}"),
    "table": (pd.DataFrame({"a": [1, 2]}), "a DataFrame of shape (2, 1)"),
    "function": (len, "the function len itself"),
    "generator": ((i for i in ()), "a generator"),
    "object": (np.random.default_rng, "the function default_rng itself"),
}


@pytest.mark.parametrize("value, text", SHOWN.values(), ids=SHOWN)
def test_a_value_is_one_short_line(value, text: str) -> None:
    assert show(value) == text


def test_the_line_is_cut_at_its_width() -> None:
    for value in ("a" * 500, ["b" * 50] * 5, torch.randn(4, 3, 16, 16).double(), {i: "c" * 40 for i in range(9)}):
        assert len(show(value)) <= 100 and "\n" not in show(value)
    assert "\n" not in show("two\nlines")


@pytest.mark.parametrize(
    "value, words",
    [
        (None, "None"),
        (3, "the number 3"),
        ("a", "the text 'a'"),
        ([1, 2], "a list of 2 values"),
        (torch.ones(2, 2), "a float32 tensor of shape (2, 2)"),
        (pd.Series([1.0]), "a float64 Series of shape (1,)"),
        (1j, "a complex"),
    ],
)
def test_a_value_is_named(value, words: str) -> None:
    assert named(value) == words
