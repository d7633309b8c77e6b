"""Augmentation of whole batches on the device they are on.

Each image of a batch gets its own draw. (torchvision's v2 transforms, called on a batch, draw once for all of it, and
from PyTorch's global random state: batch norm then sees a whole batch mirrored, and a resumed run cannot repeat it.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import pad

Augmentation = Callable[[Tensor, Generator], Tensor]
"""(images uint8 (B, C, H, W), generator) -> images of the same shape and dtype."""


@dataclass(frozen=True)
class RandomFlip:
    """Mirror each image left to right with probability ``p``."""

    p: float = 0.5

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        flipped = torch.rand(len(images), generator=generator) < self.p
        return torch.where(flipped.to(images.device)[:, None, None, None], images.flip(-1), images)


@dataclass(frozen=True)
class RandomShift:
    """Move each image by up to ``pixels`` in either direction; what comes into view repeats the border."""

    pixels: int

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        batch, channels, height, width = images.shape
        n = self.pixels
        # float16-free detour: replicate padding is not implemented for uint8.
        padded = pad(images.float(), (n, n, n, n), mode="replicate").to(images.dtype)
        top, left = torch.randint(2 * n + 1, (2, batch), generator=generator).to(images.device)
        rows = top[:, None] + torch.arange(height, device=images.device)  # (B, H)
        columns = left[:, None] + torch.arange(width, device=images.device)  # (B, W)
        index = torch.arange(batch, device=images.device)
        return padded[index[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Compose:
    """Several augmentations, one after the other."""

    steps: tuple[Augmentation, ...]

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        for step in self.steps:
            images = step(images, generator)
        return images
