from __future__ import annotations

import numpy as np
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


def generator(*position: int) -> torch.Generator:
    (entropy,) = np.random.SeedSequence(position).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(entropy) & (2**63 - 1))


@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (0, 3), (7, 3), (2**40, 1)])
def test_the_order_is_drawn_from_seed_and_epoch_and_the_first_are_used_twice(seed: int, epoch: int):
    """Ten images in batches of four: three batches of four, for which the first two come again."""
    order = torch.randperm(10, generator=generator(seed, epoch))
    chosen = Batches(image_set(10), 4, seed=seed).indices(epoch)
    assert chosen.tolist() == torch.cat([order, order[:2]]).view(3, 4).tolist()
    assert Batches(image_set(10), 4, seed=seed, world_size=3).indices(epoch).shape == (3, 6)
    one, other = torch.randperm(2, generator=generator(seed, epoch)).tolist()
    assert Batches(image_set(2), 2, seed=seed, world_size=5).indices(epoch).tolist() == [[one, other, one, other, one]]


def test_each_step_and_each_process_draws_its_own_augmentation():
    drawn = []

    def augment(images: torch.Tensor, source: torch.Generator) -> torch.Tensor:
        drawn.append(source.initial_seed())
        return images

    for rank in (0, 1):
        list(Batches(image_set(9), 4, augment, 5, rank, 2).epoch(2))
    list(Batches(image_set(9), 4, augment).epoch(0, start=2))
    places = [(5, 2, step, rank) for rank in (0, 1) for step in (1, 2, 3)] + [(0, 0, 3, 0)]
    assert drawn == [generator(*place).initial_seed() for place in places] and len(set(drawn)) == 7


def test_a_process_takes_every_so_manieth_image():
    whole = Batches(image_set(12), 6, seed=1, world_size=3).indices(0)
    for rank in range(3):
        shares = [indices for indices, _, _ in Batches(image_set(12), 6, None, 1, rank, 3).epoch(0)]
        assert [share.tolist() for share in shares] == [row[rank::3].tolist() for row in whole]


def test_it_says_what_it_is():
    assert repr(Batches(image_set(1300), 64)) == "Batches(21 of up to 64 from 1,300 images, augmentation none)"
    assert repr(Batches(image_set(3), 2, RandomFlip())).endswith("augmentation RandomFlip)")


@pytest.mark.parametrize(
    ("name", "value", "least"),
    [("batch_size", 0, 1), ("batch_size", 2.0, 1), ("batch_size", -3, 1), ("seed", -1, 0), ("seed", 0.5, 0)],
)
def test_what_is_no_number_of_images_and_no_seed_is_refused(name: str, value: object, least: int):
    with pytest.raises(ValueError, match=f"{name} is {value}; expected at least {least}, a whole number"):
        Batches(**{"images": image_set(3), "batch_size": 1, name: value})
    Batches(**{"images": image_set(3), "batch_size": 1, name: np.int64(least)})


def test_images_without_labels_are_refused():
    with pytest.raises(TypeError, match="the images are a Tensor; expected an ImageSet, with labels"):
        Batches(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), 2)
