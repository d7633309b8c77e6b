"""The arguments of a case: copies in float64 of whatever they are."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pandas as pd
import pytest
import torch

from course_lib import exercises
from course_lib.exercises.inputs import all_cases, in_float64, prepared

Pair = namedtuple("Pair", "low high")


def test_floating_point_becomes_float64_at_any_depth_and_nothing_else_changes() -> None:
    value = (np.float32(0.1), [torch.ones(2), np.ones(2, np.float16)], {"a": torch.ones(1)}, torch.tensor([1]), "b", 3)
    scalar, (tensor, array), table, index, word, whole = prepared(value)
    assert (scalar.dtype, tensor.dtype, array.dtype) == (np.float64, torch.float64, np.float64)
    assert (table["a"].dtype, index.dtype, word, whole) == (torch.float64, torch.int64, "b", 3)
    assert isinstance(prepared(Pair(1, 2)), Pair)
    assert prepared(torch.nn.Linear(2, 2)).weight.dtype == torch.float64


def test_a_copy_shares_nothing() -> None:
    originals = (np.ones(2), torch.ones(2), [1], {"a": [1]}, pd.Series([1.0]))
    array, tensor, row, table, series = prepared(originals)
    array[0] = tensor[0] = row[0] = table["a"][0] = series[0] = 7
    assert originals[0][0] == originals[1][0] == originals[2][0] == originals[3]["a"][0] == originals[4][0] == 1


def test_tensors_keep_their_wish_for_a_gradient() -> None:
    leaf = torch.ones(2, requires_grad=True)
    for value in (leaf, leaf * 2):  # deepcopy refuses the second
        assert prepared((value,))[0].requires_grad
    assert not prepared(leaf.detach()).requires_grad


def test_reference_and_attempt_compute_in_float64(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def layer(x):
        seen.append((x.dtype, torch.zeros(1).dtype, torch.nn.Linear(2, 2)(x).dtype))
        return x

    exercises.check(layer, layer, [(torch.ones(2),)] * 5)
    assert len(seen) == 10 and {dtype for dtypes in seen for dtype in dtypes} == {torch.float64}
    with pytest.raises(KeyError), in_float64():
        raise KeyError
    assert torch.get_default_dtype() == torch.float32


def test_cases_are_drawn_from_the_seed() -> None:
    def draw(rng):
        return (rng.normal(),)

    first, second, other = (all_cases([(1.0,)], draw, 3, seed) for seed in (0, 0, 1))
    assert len(first) == 4 and first[0] == (1.0,)
    assert first == second != other
    assert len(set(first)) == 4
    assert all_cases([(1.0,)], None, 3, 0) == [(1.0,)]
