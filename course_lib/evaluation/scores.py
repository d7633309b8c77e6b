"""Scores of pairs of embeddings: the cosine, higher is more alike, and the squared distance, lower is more alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import finite
from course_lib.evaluation._unit import unit_length

AT_ONCE = 4096  # pairs that are gathered at a time


def cosine_scores(embeddings: ArrayLike, left: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Cosine similarity (P,) float64 in [-1, 1] of embeddings (N, D) at the index pairs left, right (P,) int.

    Raises ValueError for an embedding that is zero or not finite (its index is named), an index outside [0, N), or
    unequal lengths; TypeError when the indices are not integers.
    """
    scores = _of_pairs(lambda first, second: np.einsum("pd,pd->p", first, second), embeddings, left, right)
    return np.clip(scores, -1.0, 1.0)


def squared_l2(embeddings: ArrayLike, left: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Squared Euclidean distance (P,) float64 in [0, 4] of the embeddings scaled to length 1: 2 - 2 cos.

    Lower is more alike: where scores are expected, pass the negative. Pairs come in the same order as by cosine, so
    ROC, EER and accuracy are the same. Inputs and errors are those of `cosine_scores`. Source: Schroff et al.,
    "FaceNet", 2015, section 3.
    """
    distances = _of_pairs(lambda first, second: np.square(first - second).sum(axis=1), embeddings, left, right)
    return np.minimum(distances, 4.0)


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


def _of_pairs(
    function: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    embeddings: ArrayLike,
    left: ArrayLike,
    right: ArrayLike,
) -> NDArray[np.float64]:
    """(P,) of the unit embeddings (n, D) of either side, some pairs at a time: memory grows with P, not P times D."""
    embeddings = finite("embeddings", embeddings, ndim=2)
    left, right = _indices("left", left, len(embeddings)), _indices("right", right, len(embeddings))
    if left.shape != right.shape:
        raise ValueError(f"left and right must have the same length, got {len(left)} and {len(right)}.")
    units, found = unit_length("embeddings", embeddings), np.empty(len(left))
    for start in range(0, len(left), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        found[some] = function(units[left[some]], units[right[some]])
    return found


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
