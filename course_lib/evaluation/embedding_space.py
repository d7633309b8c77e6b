"""How tight the identities are in embedding space, and how far apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import finite


@dataclass(frozen=True, eq=False)
class EmbeddingSpace:
    """Euclidean distances within and between C classes, in the unit of the embeddings."""

    intra: float  # mean over classes of the mean distance to the class mean; one-image classes left out
    inter: float  # mean distance between two class means, over all pairs of classes
    ratio: float  # intra / inter: lower is better separated; does not change when the embeddings are scaled
    per_class_intra: NDArray[np.float64]  # (C,), NaN for a one-image class
    centers: NDArray[np.float64]  # (C, D), the class means
    classes: NDArray  # (C,), sorted labels
    n_singletons: int  # one-image classes left out of `intra`

    def __repr__(self) -> str:
        distances = f"intra {self.intra:.3g}, inter {self.inter:.3g}, ratio {self.ratio:.3f}"
        return f"EmbeddingSpace({len(self.classes):,} classes, {distances})"


def embedding_space(embeddings: ArrayLike, labels: ArrayLike) -> EmbeddingSpace:
    """Intra- and inter-class distances of embeddings (N, D) float under labels (N,).

    The single image of a one-image class is its own mean, so its distance of 0 would flatter: such classes are left
    out of `intra` and counted. With two images per class the mean already lies between them, so compare runs on the
    same images only. Raises ValueError for an embedding that is not finite, unequal lengths, fewer than 2 classes,
    only one-image classes, or class means that all coincide (the network has collapsed).
    """
    embeddings, labels = finite("embeddings", embeddings, ndim=2), np.asarray(labels)
    if labels.shape != (len(embeddings),):
        raise ValueError(f"labels must be one per embedding, got shape {labels.shape} for {len(embeddings)}.")
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"Distances between classes need at least 2 classes, got {len(classes)}.")
    singletons = counts == 1
    if singletons.all():
        raise ValueError(f"Each of the {len(classes)} classes has one image; intra-class distance needs two.")
    centers = np.stack([embeddings[index == number].mean(axis=0) for number in range(len(classes))])
    to_center = np.linalg.norm(embeddings - centers[index], axis=1)
    per_class_intra = np.bincount(index, weights=to_center) / counts
    per_class_intra[singletons] = np.nan
    intra, inter = float(np.mean(per_class_intra[~singletons])), _mean_pair_distance(centers)
    if inter == 0:
        raise ValueError(f"All {len(classes)} class means are the same point: the embeddings have collapsed.")
    return EmbeddingSpace(intra, inter, intra / inter, per_class_intra, centers, classes, int(singletons.sum()))


def _mean_pair_distance(points: NDArray[np.float64]) -> float:
    """Mean distance over all pairs of points (C, D), one row at a time: memory grows with C, not with its square."""
    total = sum(np.linalg.norm(points[row + 1 :] - points[row], axis=1).sum() for row in range(len(points) - 1))
    return float(total) / (len(points) * (len(points) - 1) / 2)
