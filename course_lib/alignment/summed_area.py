"""Photographs scaled down, whole or in pieces, by averaging areas: four look-ups a pixel in a summed-area table.

A table's entry is the sum of all pixels above and to the left, so the sum over any rectangle is a difference of its
four corners, whatever its size (Crow 1984, "Summed-area tables for texture mapping"). One table of a photograph serves
all levels of a pyramid and all crops.

When n pixels become m, pixel i of the result is the average of pixels floor(i n/m) to ceil((i+1) n/m) - 1.
"""

from __future__ import annotations

import cv2
import numpy as np


def summed_area(images: np.ndarray) -> np.ndarray:
    """The tables of uint8 images (N, H, W, 3): int32 (N, H + 1, W + 1, 3).

    Sums beyond 32 bits wrap around, and differences wrap back: they are right for rectangles up to 8 million pixels.
    """
    return np.stack([cv2.integral(image) for image in images])


def scaled(tables: np.ndarray, size: tuple[int, int], rows: range | None = None) -> np.ndarray:
    """The images scaled to ``size``, (height, width): float32 (N, height, width, 3) of 0..255.

    Args:
        tables: from ``summed_area``.
        size: may also be larger than the image.
        rows: only these of the result.
    """
    height, width = (extent - 1 for extent in tables.shape[1:3])
    top, bottom = (edges[rows.start : rows.stop] if rows else edges for edges in _edges(0, height, size[0]))
    left, right = _edges(0, width, size[1])
    strips = tables.take(bottom, axis=1)
    strips -= tables.take(top, axis=1)
    sums = strips.take(right, axis=2)
    sums -= strips.take(left, axis=2)
    return sums.astype(np.float32) / _areas(top, bottom, left, right)


def crops(tables: np.ndarray, image_of: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """What each box holds, scaled to ``side`` pixels square: float32 (K, side, side, 3) of 0..255.

    Beyond the image all is black.

    Args:
        tables: from ``summed_area``.
        image_of: int (K,), the index of each box's image.
        boxes: int (K, 4): left, top, and right and bottom exclusive.
        side: in pixels.
    """
    height, width = (extent - 1 for extent in tables.shape[1:3])
    left, right = _edges(boxes[:, :1], boxes[:, 2:3] - boxes[:, :1], side)
    top, bottom = _edges(boxes[:, 1:2], boxes[:, 3:] - boxes[:, 1:2], side)
    areas = _areas(top, bottom, left, right)
    first = image_of[:, None] * (height + 1)
    above, below = ((first + edge.clip(0, height))[:, :, None] * (width + 1) for edge in (top, bottom))
    left, right = (edge.clip(0, width)[:, None, :] for edge in (left, right))
    entries = tables.reshape(-1, 3)
    sums = entries.take(below + right, axis=0)
    sums -= entries.take(below + left, axis=0)
    sums -= entries.take(above + right, axis=0)
    sums += entries.take(above + left, axis=0)
    return sums.astype(np.float32) / areas


def _edges(start: np.ndarray | int, length: np.ndarray | int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each of ``count`` averaged spans of ``length`` pixels begins and, exclusive, ends."""
    steps = np.arange(count)
    return start + steps * length // count, start - (-(steps + 1) * length // count)


def _areas(top: np.ndarray, bottom: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Pixels averaged for each pixel of the result: float32 (..., height, width, 1)."""
    return ((bottom - top)[..., :, None, None] * (right - left)[..., None, :, None]).astype(np.float32)
