"""Photographs for the page: ORL portraits on a grey ground, as arrays and as files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from course_lib.data import orl_faces


@lru_cache
def portraits() -> np.ndarray:
    """Grey uint8 (400, 112, 92), ten of each person."""
    return orl_faces().images[:, 0].numpy()


def photograph(index: int, zoom: int = 1) -> np.ndarray:
    """One portrait with ground around it, uint8 (height, width, 3)."""
    enlarged = portraits()[index].repeat(zoom, 0).repeat(zoom, 1)
    return np.repeat(np.pad(enlarged, 40 * zoom, constant_values=128)[..., None], 3, axis=2)


def group(*indices: int) -> np.ndarray:
    """Portraits side by side, the first one twice as large as the others."""
    first, *others = (photograph(index, zoom=2 if number == 0 else 1) for number, index in enumerate(indices))
    height = len(first)
    padded = [np.pad(o, ((0, height - len(o)), (0, 0), (0, 0)), constant_values=128) for o in others]
    return np.concatenate([first, *padded], axis=1)


def tinted(pixels: np.ndarray) -> np.ndarray:
    """In colours, which tell red from blue."""
    return (pixels * np.array([1.0, 0.8, 0.6])).round().astype(np.uint8)


def saved(pixels: np.ndarray, path: Path, **options: object) -> Path:
    """Written as the suffix says."""
    Image.fromarray(pixels).save(path, **options)
    return path
