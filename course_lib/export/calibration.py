"""The images that activations' ranges are measured on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

AT_LEAST = 16


def check_calibration(images: np.ndarray, expected: Sequence[int]) -> None:
    """Refuse images on which no range can be measured.

    Args:
        images: (N, C, H, W) float32, normalised as in training.
        expected: the network's (C, H, W).

    Raises:
        ValueError: there are fewer than 16, they are all alike, or of another shape, type or range.
    """
    shape = tuple(images.shape)
    if images.dtype != np.float32 or images.ndim != 4 or list(shape[1:]) != list(expected):
        raise ValueError(f"calibration images are {images.dtype} {shape}; expected float32 (N, {list(expected)})")
    if len(images) < AT_LEAST:
        raise ValueError(f"there are {len(images)} calibration images; expected at least {AT_LEAST}")
    if not np.isfinite(images).all() or np.abs(images).max() > 1:
        raise ValueError("calibration images leave -1..1; give them as course_lib.data.normalise makes them")
    if (images == images[:1]).all():
        raise ValueError("the calibration images are all the same, so no range can be measured on them")
