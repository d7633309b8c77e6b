"""Images of one size, collected one after the other without knowing how many of them will come."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class GrowingImages:
    """uint8 images (C, H, W) become one tensor (N, C, H, W); memory is taken for those that have come.

    Args:
        at_most: how many may come; no memory is taken for more.
    """

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._pixels: np.ndarray | None = None
        self._count = 0

    def append(self, image: Tensor) -> None:
        """Add one; it has the shape of the first."""
        if self._pixels is None:
            self._pixels = np.empty((min(self._at_most, 16), *image.shape), np.uint8)
        if self._count == len(self._pixels):
            more = min(self._at_most, 2 * self._count)
            # In place: the system moves the pages instead of copying them. Nobody else knows the array yet.
            self._pixels.resize((more, *self._pixels.shape[1:]), refcheck=False)
        self._pixels[self._count] = image.numpy()
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def tensor(self) -> Tensor:
        """All of them, at least one; nothing can be added afterwards."""
        if self._pixels is None:
            raise ValueError("no image has come; expected at least one")
        self._pixels.resize((self._count, *self._pixels.shape[1:]), refcheck=False)
        return torch.from_numpy(self._pixels)
