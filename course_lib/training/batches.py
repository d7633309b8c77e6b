"""Batches of an in-memory image set, in an order that is a function of the seed, the epoch and the step alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from torch import Generator, Tensor

from course_lib.data import Augmentation, ImageSet, normalise


@dataclass(frozen=True)
class Batches:
    """Shuffled, augmented, normalised batches, the same for the same (seed, epoch, step): a resumed run needs no
    replay.

    All batches have one size, so that a compiled network is compiled once and no batch is too small for batch norm:
    the number of batches is N / batch_size rounded up, they share the images evenly, and fewer than one image a batch
    is used a second time to fill the last. Nothing is left out.

    Attributes:
        images: the set.
        batch_size: how many images a batch has at most, over all processes together (rounded up to a multiple of them).
        augment: applied to the uint8 images of each batch, or None.
        seed: of order and augmentation.
        rank, world_size: this process's number and how many there are; each takes its share of every batch.

    Raises:
        TypeError: the images are no ``ImageSet``.
        ValueError: ``batch_size`` is no whole number of at least 1, or ``seed`` none of at least 0.
    """

    images: ImageSet
    batch_size: int
    augment: Augmentation | None = None
    seed: int = 0
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.images, ImageSet):
            raise TypeError(f"the images are a {type(self.images).__name__}; expected an ImageSet, with labels")
        for name, value, least in (("batch_size", self.batch_size, 1), ("seed", self.seed, 0)):
            if not isinstance(value, Integral) or value < least:
                raise ValueError(f"{name} is {value}; expected at least {least}, a whole number")

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __repr__(self) -> str:
        augment = "none" if self.augment is None else type(self.augment).__name__
        return (
            f"Batches({len(self)} of up to {self.batch_size} from {len(self.images):,} images, augmentation {augment})"
        )

    def indices(self, epoch: int) -> Tensor:
        """(batches, size) int64: which images each batch of the epoch holds."""
        order = torch.randperm(len(self.images), generator=self._generator(epoch))
        size = math.ceil(len(order) / len(self) / self.world_size) * self.world_size
        return order.repeat(2 + size * len(self) // len(order))[: size * len(self)].reshape(len(self), size)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield (indices (B,), images float (B, C, H, W), labels (B,)) from step ``start`` of the epoch on."""
        for step, chosen in enumerate(self.indices(epoch)[start:], start):
            chosen = chosen[self.rank :: self.world_size]
            pixels = self.images.images[chosen]
            if self.augment is not None:
                pixels = self.augment(pixels, self._generator(epoch, step + 1, self.rank))
            yield chosen, normalise(pixels), self.images.labels[chosen]

    def _generator(self, *position: int) -> Generator:
        entropy = np.random.SeedSequence((self.seed, *position)).generate_state(1, np.uint64)[0]
        return Generator().manual_seed(int(entropy) % 2**63)
