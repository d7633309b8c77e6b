"""The curves of scored pairs, ROC and DET, and the equal error rate where they cross the diagonal.

Everywhere a pair is accepted when score >= threshold, so pairs with equal scores are accepted together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import scored_pairs


@dataclass(frozen=True, eq=False)
class Roc:
    """ROC points (T,) float64 from rejecting everything, at threshold +inf, to accepting everything."""

    far: NDArray[np.float64]  # share of impostor pairs accepted, does not decrease
    tar: NDArray[np.float64]  # share of genuine pairs accepted, does not decrease
    thresholds: NDArray[np.float64]  # +inf, then every distinct score, decreasing

    def __repr__(self) -> str:
        return f"Roc({len(self.far):,} points, thresholds {self.thresholds[-1]:.3f} to {self.thresholds[1]:.3f})"


@dataclass(frozen=True)
class Eer:
    """Equal error rate in [0, 1], where FAR equals FRR = 1 - TAR, and the threshold there."""

    rate: float
    threshold: float


@dataclass(frozen=True, eq=False)
class Det:
    """DET points (T,) float64 from rejecting everything, at threshold +inf, to accepting everything.

    The probit of a share is the standard normal quantile there: on probit axes the curve of two normal distributions
    of scores is a straight line. It is -inf at 0 and +inf at 1.
    """

    far: NDArray[np.float64]  # share of impostor pairs accepted, does not decrease
    frr: NDArray[np.float64]  # share of genuine pairs rejected, does not increase
    thresholds: NDArray[np.float64]  # +inf, then every distinct score, decreasing
    far_probit: NDArray[np.float64]
    frr_probit: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"Det({len(self.far):,} points, thresholds {self.thresholds[-1]:.3f} to {self.thresholds[1]:.3f})"


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


def det(scores: ArrayLike, same: ArrayLike) -> Det:
    """DET curve of scores (P,) float against same (P,) bool: the points of `roc` as errors, and on probit axes.

    Inputs and errors are those of `roc`. Source: Martin et al., "The DET curve in assessment of detection task
    performance", Eurospeech 1997.
    """
    from scipy.special import ndtri  # here, since the import takes as long as that of the rest of the package

    curve = roc(scores, same)
    frr = 1 - curve.tar
    return Det(curve.far, frr, curve.thresholds, ndtri(curve.far), ndtri(frr))


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
