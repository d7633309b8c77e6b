from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data import ImageSet, RandomFlip, normalise
from course_lib.training import Batches


def image_set(n: int) -> ImageSet:
    images = (torch.arange(n * 6) % 251).to(torch.uint8).reshape(n, 1, 2, 3)
    return ImageSet(images, torch.arange(n) % 2, ("a", "b"), "a test")


@given(n=st.integers(1, 70), batch_size=st.integers(1, 80), world_size=st.integers(1, 4), epoch=st.integers(0, 9))
def test_every_image_is_used_and_hardly_any_twice(n: int, batch_size: int, world_size: int, epoch: int):
    batches = Batches(image_set(n), batch_size, world_size=world_size)
    chosen = batches.indices(epoch)
    assert chosen.shape[0] == len(batches) == -(-n // batch_size)
    assert chosen.shape[1] % world_size == 0 and chosen.shape[1] < batch_size + world_size
    assert set(chosen.flatten().tolist()) == set(range(n))
    assert chosen.numel() - n < len(batches) * world_size


def test_processes_share_each_batch():
    parts = [Batches(image_set(20), 8, rank=rank, world_size=2) for rank in (0, 1)]
    for whole, *shares in zip(parts[0].indices(3), *(part.epoch(3) for part in parts), strict=True):
        assert sorted(torch.cat([share[0] for share in shares]).tolist()) == sorted(whole.tolist())


def test_an_epoch_is_a_function_of_seed_and_epoch():
    def run(seed: int, epoch: int) -> torch.Tensor:
        return torch.cat([images for _, images, _ in Batches(image_set(20), 8, RandomFlip(), seed).epoch(epoch)])

    assert torch.equal(run(1, 2), run(1, 2))
    assert not torch.equal(run(1, 2), run(2, 2)) and not torch.equal(run(1, 2), run(1, 3))


def test_starting_late_gives_the_same_batches():
    batches = Batches(image_set(40), 8, RandomFlip(), seed=5)
    full, late = list(batches.epoch(1)), list(batches.epoch(1, start=3))
    assert len(late) == len(full) - 3
    assert all(torch.equal(a, b) for x, y in zip(full[3:], late, strict=True) for a, b in zip(x, y, strict=True))


def test_batches_are_the_images_they_name():
    source = image_set(20)
    for indices, images, labels in Batches(source, 6).epoch(0):
        assert torch.equal(images, normalise(source.images[indices])) and torch.equal(labels, source.labels[indices])


def test_a_batch_size_of_nothing_is_refused():
    with pytest.raises(ValueError, match="batch_size is 0"):
        Batches(image_set(3), 0)
