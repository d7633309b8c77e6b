"""Scores of pairs of embeddings: the cosine, higher is more alike, and the squared distance, lower is more alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import finite
from course_lib.evaluation._unit import unit_length


def cosine_scores(embeddings: ArrayLike, left: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Cosine similarity (P,) float64 in [-1, 1] of embeddings (N, D) at the index pairs left, right (P,) int.

    Raises ValueError for an embedding that is zero or not finite (its index is named), an index outside [0, N), or
    unequal lengths; TypeError when the indices are not integers.
    """
    first, second = _unit_pairs(embeddings, left, right)
    return np.clip(np.einsum("pd,pd->p", first, second), -1.0, 1.0)


def squared_l2(embeddings: ArrayLike, left: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Squared Euclidean distance (P,) float64 in [0, 4] of the embeddings scaled to length 1: 2 - 2 cos.

    Lower is more alike: where scores are expected, pass the negative. Pairs come in the same order as by cosine, so
    ROC, EER and accuracy are the same. Inputs and errors are those of `cosine_scores`. Source: Schroff et al.,
    "FaceNet", 2015, section 3.
    """
    first, second = _unit_pairs(embeddings, left, right)
    return np.minimum(np.square(first - second).sum(axis=1), 4.0)


def cosine_to_squared_l2(threshold: float) -> float:
    """The squared distance d = 2 - 2 cos at a cosine: score >= cosine and distance <= d accept the same pairs.

    Raises ValueError for a threshold that no pair or every pair passes: a cosine outside [-1, 1].
    """
    if not -1 <= threshold <= 1:
        raise ValueError(f"A cosine lies in [-1, 1], got {threshold}.")
    return 2.0 - 2.0 * threshold


def squared_l2_to_cosine(threshold: float) -> float:
    """The cosine 1 - d / 2 at a squared distance d of unit vectors, the reverse of `cosine_to_squared_l2`.

    Raises ValueError for a distance outside [0, 4]; one that is not squared has to be squared first.
    """
    if not 0 <= threshold <= 4:
        raise ValueError(f"A squared distance of unit vectors lies in [0, 4], got {threshold}.")
    return 1.0 - threshold / 2.0


def _unit_pairs(
    embeddings: ArrayLike, left: ArrayLike, right: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The embeddings (P, D) of either side, of length 1."""
    embeddings = finite("embeddings", embeddings, ndim=2)
    left, right = _indices("left", left, len(embeddings)), _indices("right", right, len(embeddings))
    if left.shape != right.shape:
        raise ValueError(f"left and right must have the same length, got {len(left)} and {len(right)}.")
    units = unit_length("embeddings", embeddings)
    return units[left], units[right]


def _indices(name: str, values: ArrayLike, n_embeddings: int) -> NDArray[np.integer]:
    indices = np.asarray(values)
    if indices.ndim != 1:
        raise ValueError(f"{name} must be one index per pair, got shape {indices.shape}.")
    if not np.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"{name} must hold integers, got {indices.dtype}.")
    outside = np.flatnonzero((indices < 0) | (indices >= n_embeddings))
    if len(outside):
        first = int(outside[0])
        raise ValueError(f"{name}[{first}] is {indices[first]}, expected 0 to {n_embeddings - 1}.")
    return indices
