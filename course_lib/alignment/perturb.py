"""Landmarks with a known error, to measure what errors cost."""

from __future__ import annotations

import numpy as np

from course_lib.alignment.similarity import similarity
from course_lib.alignment.template import Size, template


def perturb(landmarks: np.ndarray, distance: float, generator: np.random.Generator, *, size: Size = 112) -> np.ndarray:
    """Landmarks, each moved by ``distance`` in a random direction of its own.

    Args:
        landmarks: points (..., 5, 2) in pixels of their photographs.
        distance: in pixels of a crop of ``size``, so that a face is disturbed alike whatever its size.

    Returns:
        float64 (..., 5, 2), in pixels of the photographs.

    Raises:
        ValueError: a negative distance, or landmarks that determine no transform.
    """
    if not distance >= 0:
        raise ValueError(f"distance is {distance}; expected pixels, 0 or more")
    landmarks = np.asarray(landmarks, np.float64)
    to_crop = similarity(landmarks, template(size))
    scale = np.hypot(to_crop[..., 0, 0], to_crop[..., 1, 0])[..., None, None]  # pixels of the crop per pixel
    angle = generator.uniform(0, 2 * np.pi, landmarks.shape[:-1])
    return landmarks + distance / scale * np.stack([np.cos(angle), np.sin(angle)], -1)
