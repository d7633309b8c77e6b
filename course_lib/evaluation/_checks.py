"""Early checks of what the metrics are given; every message names the index, what was found and what was expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def finite(name: str, values: ArrayLike, ndim: int) -> NDArray[np.float64]:
    """Return `values` as a float64 array of `ndim` axes; ValueError names the first index that is not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axis/axes, got shape {array.shape}.")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        index = ", ".join(map(str, bad[0]))
        raise ValueError(f"{name}[{index}] is {array[tuple(bad[0])]}; expected finite numbers ({len(bad)} are not).")
    return array


def scored_pairs(scores: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores (P,) float64 and same (P,) bool; both kinds of pair must be there.

    Raises ValueError for a score that is not finite, unequal lengths, no genuine or no impostor pair, and TypeError
    when `same` is not boolean.
    """
    scores, same = finite("scores", scores, ndim=1), np.asarray(same)
    if same.dtype != np.bool_:
        raise TypeError(f"same must be boolean, got {same.dtype}; pass labels[left] == labels[right].")
    if same.shape != scores.shape:
        raise ValueError(f"scores and same must have one entry per pair, got shapes {scores.shape} and {same.shape}.")
    if same.all() or not same.any():
        missing = "impostor (same=False)" if same.any() else "genuine (same=True)"
        raise ValueError(f"There is no {missing} pair among {len(same)}; verification needs both kinds.")
    return scores, same


def check_far(far: float) -> None:
    """Raise ValueError unless `far` is a share that thresholds can keep: in (0, 1]."""
    if not 0 < far <= 1:
        raise ValueError(f"far must lie in (0, 1], for example 0.001, got {far}.")
