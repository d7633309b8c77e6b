from __future__ import annotations

import pytest
import torch
from torch import Generator

from course_lib.data import Compose, RandomFlip, RandomShift


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(256, (400, 2, 5, 7), dtype=torch.uint8, generator=Generator().manual_seed(0))


def test_each_image_is_flipped_on_its_own(images):
    out = RandomFlip()(images, Generator().manual_seed(1))
    kept = (out == images).flatten(1).all(1)
    mirrored = (out == images.flip(-1)).flatten(1).all(1)
    assert (kept ^ mirrored).all()
    assert 150 < mirrored.sum() < 250  # 200 +- 5 standard deviations


def test_shifts_stay_in_bounds_and_reach_them(images):
    out = RandomShift(2)(images, Generator().manual_seed(1))
    assert out.shape == images.shape and out.dtype == torch.uint8
    padded = torch.nn.functional.pad(images.float(), (2, 2, 2, 2), mode="replicate").byte()
    offsets = set()
    for image, source in zip(out, padded, strict=True):
        found = [(r, c) for r in range(5) for c in range(5) if torch.equal(image, source[:, r : r + 5, c : c + 7])]
        assert len(found) == 1
        offsets.add(found[0])
    assert len(offsets) == 25


def test_no_shift_changes_nothing(images):
    assert torch.equal(RandomShift(0)(images, Generator()), images)


def test_the_generator_decides(images):
    augment = Compose((RandomFlip(), RandomShift(1)))
    first, again, other = (augment(images, Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
