from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data import ImageSet, split_by_identity, split_by_image


def image_set(counts: list[int]) -> ImageSet:
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    # Each image's only pixel is its own number, so that images can be followed through a split.
    images = torch.arange(len(labels), dtype=torch.uint8).reshape(-1, 1, 1, 1)
    return ImageSet(images, labels, tuple(f"p{i}" for i in range(len(counts))), "a test")


@given(counts=st.lists(st.integers(1, 6), min_size=2, max_size=12), data=st.data())
def test_people_never_leak(counts: list[int], data):
    n_test = data.draw(st.integers(1, len(counts) - 1))
    faces = image_set(counts)
    train, test = split_by_identity(faces, n_test, seed=data.draw(st.integers(0, 99)))
    assert len(test.names) == n_test and not set(train.names) & set(test.names)
    assert sorted(train.images.flatten().tolist() + test.images.flatten().tolist()) == list(range(len(faces)))
    for part in (train, test):
        assert sorted(set(part.labels.tolist())) == list(range(part.n_classes))
        for image, label in zip(part.images.flatten().tolist(), part.labels.tolist(), strict=True):
            assert part.names[label] == faces.names[faces.labels[image]]


@given(
    counts=st.lists(st.integers(2, 9), min_size=1, max_size=8), fraction=st.floats(0.05, 0.5), seed=st.integers(0, 99)
)
def test_every_identity_is_in_both_parts_and_no_image_is(counts: list[int], fraction: float, seed: int):
    faces = image_set(counts)
    train, test = split_by_image(faces, fraction, seed=seed)
    held_out = test.labels.bincount(minlength=len(counts)).tolist()
    assert held_out == [max(1, round(fraction * count)) for count in counts]
    assert sorted(train.images.flatten().tolist() + test.images.flatten().tolist()) == list(range(len(faces)))
    assert train.names == test.names == faces.names


def test_the_seed_decides():
    faces = image_set([3] * 20)
    names = [split_by_identity(faces, 5, seed=seed)[1].names for seed in (0, 0, 1)]
    assert names[0] == names[1] != names[2]


def test_impossible_splits_are_refused():
    with pytest.raises(ValueError, match=r"n_test is 2; expected 1..1 of 2 identities"):
        split_by_identity(image_set([3, 3]), 2)
    with pytest.raises(ValueError, match=r"'p1' has 1 image\(s\); expected at least 2"):
        split_by_image(image_set([3, 1]), 0.3)
    with pytest.raises(ValueError, match="test_fraction is 1.0"):
        split_by_image(image_set([3, 3]), 1.0)
