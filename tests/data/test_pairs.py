from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data import verification_pairs


@given(counts=st.lists(st.integers(1, 5), min_size=2, max_size=8), seed=st.integers(0, 99))
def test_balanced_true_and_without_duplicates(counts: list[int], seed: int):
    labels = np.repeat(np.arange(len(counts)), counts)
    same = labels[:, None] == labels
    available = [int(np.triu(same, 1).sum()), int(np.triu(~same, 1).sum())]
    n = 2 * min(available)
    if n == 0:
        with pytest.raises(ValueError, match="only 0 genuine pairs exist"):
            verification_pairs(labels, 2, seed=seed)
        return
    pairs = verification_pairs(labels, n, seed=seed)
    assert len(pairs) == n and pairs.same.sum() == n // 2
    assert np.array_equal(labels[pairs.left] == labels[pairs.right], pairs.same)
    assert len({frozenset(pair) for pair in zip(pairs.left, pairs.right, strict=True)}) == n
    assert (pairs.left != pairs.right).all()


def test_deterministic_and_seeded():
    labels = torch.arange(20).repeat_interleave(10)
    first, again, other = (verification_pairs(labels, 500, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.left, again.left) and np.array_equal(first.right, again.right)
    assert not np.array_equal(first.left, other.left)


def test_genuine_and_impostor_pairs_are_mixed():
    same = verification_pairs(torch.arange(20).repeat_interleave(10), 600).same
    assert 100 < same[:300].sum() < 200


@pytest.mark.parametrize(
    ("labels", "n", "message"),
    [
        ([0, 0, 1, 1], 3, "n is 3; expected an even number"),
        ([0, 0, 1, 1], 0, "n is 0"),
        ([0, 0, 1, 1], 6, "only 2 genuine pairs exist, 3 are asked for"),
        ([0, 0, 0, 0], 4, "only 0 impostor pairs exist, 2"),
        ([0, 1, 2, 3], 2, "only 0 genuine pairs exist"),
        ([0.5, 0.5], 2, "labels are float64"),
    ],
)
def test_impossible_requests_are_refused(labels, n, message):
    with pytest.raises(ValueError, match=message):
        verification_pairs(np.array(labels), n)
