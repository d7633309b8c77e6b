"""Splits into training and test images: by identity, as verification needs, or by image, as classification does."""

from __future__ import annotations

import torch

from course_lib.data.container import ImageSet


def split_by_identity(faces: ImageSet, n_test: int, *, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """Split into (train, test) whose people are disjoint: ``n_test`` identities are never seen in training.

    Each part is relabelled from 0 and names only its own people.

    Raises:
        ValueError: ``n_test`` leaves a part without identities.
    """
    if not 1 <= n_test < faces.n_classes:
        raise ValueError(f"n_test is {n_test}; expected 1..{faces.n_classes - 1} of {faces.n_classes} identities")
    order = torch.randperm(faces.n_classes, generator=torch.Generator().manual_seed(seed))
    return faces.only(order[n_test:].sort().values), faces.only(order[:n_test].sort().values)


def split_by_image(faces: ImageSet, test_fraction: float, *, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """Split into (train, test) that share the identities: of each, ``test_fraction`` of the images (at least one) is
    held out.

    Raises:
        ValueError: the fraction is not between 0 and 1, or an identity has too few images for both parts (it is named).
    """
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction is {test_fraction}; expected a number between 0 and 1")
    generator = torch.Generator().manual_seed(seed)
    held_out = torch.zeros(len(faces), dtype=torch.bool)
    for label, name in enumerate(faces.names):
        images = (faces.labels == label).nonzero().flatten()
        n_test = max(1, round(test_fraction * len(images)))
        if n_test >= len(images):
            raise ValueError(
                f"identity {name!r} has {len(images)} image(s); expected at least {n_test + 1} to hold out {n_test}. "
                "Drop it with .only(...) or split by identity"
            )
        held_out[images[torch.randperm(len(images), generator=generator)[:n_test]]] = True
    return faces.subset((~held_out).nonzero().flatten()), faces.subset(held_out.nonzero().flatten())
