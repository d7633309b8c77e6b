"""People who calibrate a file never test it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.data import ImageSet, normalise
from course_lib.export.held_out import calibration_images, held_out


def people(counts: list[int]) -> ImageSet:
    """So many faces of each person, every pixel of them the person's number."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    images = labels.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 4, 4)
    return ImageSet(images, labels, tuple(f"p{i}" for i in range(len(counts))), "people")


def test_the_two_halves_share_nobody_and_pairs_are_half_genuine() -> None:
    images, paired = held_out(people([3] * 10))
    calibrated = {round(value * 128 + 127.5) for value in images[:, 0, 0, 0]}
    tested = set(paired.faces.images[:, 0, 0, 0].tolist())
    assert calibrated | tested == set(range(10)) and not calibrated & tested and len(tested) == 5
    assert images.dtype == np.float32 and images.shape == (15, 3, 4, 4)
    assert paired.pairs.same.sum() == 5 * 3 and len(paired.pairs) == 30


def test_it_is_the_same_each_time_and_another_with_another_seed() -> None:
    first, again, other = (held_out(people([3] * 20), seed=seed)[0] for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def test_there_are_at_most_256_calibration_images_drawn_from_all() -> None:
    faces = people([100] * 4)
    images = calibration_images(faces, seed=3)
    assert len(images) == 256 and len(np.unique(images)) == 4
    assert set(np.unique(images)) <= set(np.unique(normalise(faces.images).numpy()))


@pytest.mark.parametrize(
    ("counts", "message"),
    [([5, 5, 5], "people holds 3 people; expected 4 or more"), ([1] * 6, "nobody of those held out .* two photo")],
)
def test_too_few_people_or_photographs_are_named(counts: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        held_out(people(counts))
