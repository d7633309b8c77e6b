"""One folder of faces for an export: some people calibrate the file, others test it."""

from __future__ import annotations

import numpy as np
import torch

from course_lib.data import ImageSet, PairedFaces, normalise, split_by_identity, verification_pairs

CALIBRATION = 256  # faces
PAIRS = 2000  # at most


def calibration_images(faces: ImageSet, seed: int = 0) -> np.ndarray:
    """Some faces, normalised, float32 (N, C, H, W), N up to 256: what int8's ranges are measured on."""
    chosen = torch.randperm(len(faces), generator=torch.Generator().manual_seed(seed))[:CALIBRATION]
    return normalise(faces.images[chosen]).numpy()


def held_out(faces: ImageSet, *, seed: int = 0) -> tuple[np.ndarray, PairedFaces]:
    """Calibration images of one half of the people, and up to 2,000 pairs of the other half's faces.

    Raises:
        ValueError: there are fewer than 4 people, or nobody of the second half has two photographs.
    """
    if faces.n_classes < 4:
        raise ValueError(
            f"{faces.source} holds {faces.n_classes} people; expected 4 or more, half of them for the test"
        )
    first, second = split_by_identity(faces, faces.n_classes // 2, seed=seed)
    counts = np.bincount(second.labels.numpy())
    genuine = int((counts * (counts - 1) // 2).sum())
    impostor = (len(second) ** 2 - int((counts**2).sum())) // 2
    if not genuine:
        raise ValueError(
            f"{faces.source}: nobody of those held out for the test has two photographs; give more of each"
        )
    pairs = verification_pairs(second.labels, min(PAIRS, 2 * genuine, 2 * impostor), seed=seed)
    return calibration_images(first, seed), PairedFaces(second, pairs, ())
