"""Photographs whose faces are where we put them: ORL portraits on a grey ground."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from course_lib.data import orl_faces

# Height of the portrait, and the row and column of its upper left corner: on a canvas of 400 x 600 pixels.
PLACES = ((224, 20, 20), (112, 40, 300), (80, 260, 260), (160, 200, 440))


@lru_cache
def portraits() -> np.ndarray:
    """Grey uint8 (400, 112, 92), ten of each person."""
    return orl_faces().images[:, 0].numpy()


def placed(
    people: tuple[int, ...],
    places: tuple[tuple[int, int, int], ...] = PLACES,
    size: tuple[int, int] = (400, 600),
    ground: int = 128,
) -> tuple[np.ndarray, np.ndarray]:
    """A grey photograph, uint8 ``size``, and the middle (x, y) of each person's portrait, in the order of places."""
    canvas = np.full(size, ground, dtype=np.uint8)
    middles = []
    for person, (height, top, left) in zip(people, places, strict=True):
        width = round(height * 92 / 112)
        portrait = cv2.resize(portraits()[10 * person], (width, height), interpolation=cv2.INTER_AREA)
        canvas[top : top + height, left : left + width] = portrait
        middles.append((left + (width - 1) / 2, top + (height - 1) / 2))
    return canvas, np.array(middles)
