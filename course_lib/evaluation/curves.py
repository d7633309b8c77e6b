"""The ROC curve of scored pairs and the two numbers read from it: EER and TAR at a given FAR.

Everywhere a pair is accepted when score >= threshold, so pairs with equal scores are accepted together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import scored_pairs
from course_lib.evaluation.intervals import Interval, wilson


@dataclass(frozen=True, eq=False)
class Roc:
    """ROC points (T,) float64 from rejecting everything, at threshold +inf, to accepting everything."""

    far: NDArray[np.float64]  # share of impostor pairs accepted, does not decrease
    tar: NDArray[np.float64]  # share of genuine pairs accepted, does not decrease
    thresholds: NDArray[np.float64]  # +inf, then every distinct score, decreasing


@dataclass(frozen=True)
class Eer:
    """Equal error rate in [0, 1], where FAR equals FRR = 1 - TAR, and the threshold there."""

    rate: float
    threshold: float


@dataclass(frozen=True)
class TarAtFar:
    """TAR at the largest FAR that does not exceed the target, as the number of impostor pairs allows."""

    tar: float
    far_target: float
    far_achieved: float
    threshold: float  # +inf when every threshold that accepts anything exceeds the target
    interval: Interval  # Wilson interval of tar
    resolved: bool  # False when far_target < 1 / n_impostor


def roc(scores: ArrayLike, same: ArrayLike) -> Roc:
    """ROC curve of scores (P,) float, higher is more alike, against same (P,) bool: one point per distinct score.

    Raises ValueError for a score that is not finite, unequal lengths, or only one kind of pair; TypeError when `same`
    is not boolean.
    """
    scores, same = scored_pairs(scores, same)
    order = np.argsort(-scores, kind="stable")
    scores, same = scores[order], same[order]
    last_of_tie = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    accepted_genuine = np.cumsum(same)[last_of_tie]
    accepted_impostor = last_of_tie + 1 - accepted_genuine
    return Roc(
        far=np.append(0.0, accepted_impostor / np.sum(~same)),
        tar=np.append(0.0, accepted_genuine / np.sum(same)),
        thresholds=np.append(np.inf, scores[last_of_tie]),
    )


def eer(scores: ArrayLike, same: ArrayLike) -> Eer:
    """Equal error rate, by linear interpolation between the two ROC points where FAR - FRR changes sign.

    Inputs and errors are those of `roc`. The threshold is interpolated alike; beside the point that rejects
    everything, whose threshold is infinite, it is that of the finite neighbour.
    """
    curve = roc(scores, same)
    excess = curve.far - (1 - curve.tar)  # from -1 to +1, does not decrease
    after = int(np.argmax(excess >= 0))
    before = after - 1
    weight = -excess[before] / (excess[after] - excess[before])
    rate = curve.far[before] + weight * (curve.far[after] - curve.far[before])
    start, end = curve.thresholds[before], curve.thresholds[after]
    threshold = end if np.isinf(start) else (1 - weight) * start + weight * end
    return Eer(rate=float(rate), threshold=float(threshold))


def tar_at_far(scores: ArrayLike, same: ArrayLike, far: float, confidence: float = 0.95) -> TarAtFar:
    """TAR at the largest FAR not above the target `far` in (0, 1]; of equal FARs the one with the highest TAR.

    FAR moves in steps of 1 / n_impostor. A target below one step can only be met by accepting no impostor at all, and
    by the rule of three no error among n pairs still allows a true FAR of up to 3 / n (95 % bound). Such a result is
    marked `resolved=False`: it says nothing about the target. Inputs and other errors are those of `roc`.
    """
    if not 0 < far <= 1:
        raise ValueError(f"far must lie in (0, 1], for example 0.001, got {far}.")
    curve, same = roc(scores, same), np.asarray(same)
    point = int(np.searchsorted(curve.far, far, side="right")) - 1
    n_genuine = int(same.sum())
    return TarAtFar(
        tar=float(curve.tar[point]),
        far_target=float(far),
        far_achieved=float(curve.far[point]),
        threshold=float(curve.thresholds[point]),
        interval=wilson(round(curve.tar[point] * n_genuine), n_genuine, confidence),
        resolved=bool(far >= 1 / (len(same) - n_genuine)),
    )
