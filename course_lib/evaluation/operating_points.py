"""What a threshold that keeps a FAR gives: TAR at FAR, and the threshold itself with its uncertainty.

Everywhere a pair is accepted when score >= threshold, so pairs with equal scores are accepted together, and the
threshold is the lowest score, of either kind of pair, whose FAR does not exceed the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import check_far, scored_pairs
from course_lib.evaluation.curves import roc
from course_lib.evaluation.intervals import Interval, wilson


@dataclass(frozen=True)
class TarAtFar:
    """TAR at the largest FAR that does not exceed the target, as the number of impostor pairs allows."""

    tar: float
    far_target: float
    far_achieved: float
    threshold: float  # +inf when every threshold that accepts anything exceeds the target
    interval: Interval  # Wilson interval of tar
    resolved: bool  # False when far_target < 1 / n_impostor


@dataclass(frozen=True)
class ThresholdAtFar:
    """The threshold that keeps a FAR on these pairs, and where the one that keeps it on all pairs may lie."""

    threshold: float  # +inf when every threshold that accepts anything exceeds the target
    far_target: float
    far_achieved: float
    interval: Interval  # of threshold; unbounded on a side where too few impostor pairs bound it
    resolved: bool  # False when far_target < 1 / n_impostor


def tar_at_far(scores: ArrayLike, same: ArrayLike, far: float, confidence: float = 0.95) -> TarAtFar:
    """TAR at the largest FAR not above the target `far` in (0, 1]; of equal FARs the one with the highest TAR.

    FAR moves in steps of 1 / n_impostor. A target below one step can only be met by accepting no impostor at all, and
    by the rule of three no error among n pairs still allows a true FAR of up to 3 / n (95 % bound). Such a result is
    marked `resolved=False`: it says nothing about the target. Inputs and other errors are those of `roc`.
    """
    return tars_at_fars(scores, same, [far], confidence)[0]


def tars_at_fars(
    scores: ArrayLike, same: ArrayLike, fars: Sequence[float], confidence: float = 0.95
) -> tuple[TarAtFar, ...]:
    """`tar_at_far` at each of `fars`, in their order, for little more than the price of one.

    Only the highest impostor scores matter, and are found without sorting the others: at the 15.7 million pairs of
    IJB-C 1:1 this takes a fraction of a second.
    """
    for far in fars:
        check_far(far)
    scores, same = scored_pairs(scores, same)
    genuine, impostor = scores[same], scores[~same]
    points = []
    for far, (threshold, accepted, false_accepted) in zip(fars, accepted_at(fars, genuine, impostor), strict=True):
        points.append(
            TarAtFar(
                tar=accepted / len(genuine),
                far_target=float(far),
                far_achieved=false_accepted / len(impostor),
                threshold=threshold,
                interval=wilson(accepted, len(genuine), confidence),
                resolved=bool(far >= 1 / len(impostor)),
            )
        )
    return tuple(points)


def threshold_at(far: float, scores: ArrayLike, same: ArrayLike, confidence: float = 0.95) -> ThresholdAtFar:
    """The threshold of `tar_at_far`, with an interval for the threshold that has this FAR on pairs yet unseen.

    The interval comes from the order statistics of the impostor scores and assumes nothing of their distribution: of
    n independent impostor pairs, the number above the true threshold is binomial (n, far), so the threshold lies
    between the impostor scores at the ranks of that binomial's quantiles. Where it could be none of them, the
    interval has no upper end: for a FAR of 0.001 at 95 % that is so below 3,688 impostor pairs. Pairs that share a
    person or a photograph are not independent, and the interval is too narrow then: by far, where every person is in
    hundreds of pairs (split the people, and see). Inputs and errors are those of `tar_at_far`. Source: Conover,
    "Practical Nonparametric Statistics", 1999, section 3.2.
    """
    from scipy.stats import binom  # here, since the import takes longer than that of the rest of the package

    point = tar_at_far(scores, same, far, confidence)
    impostor = np.asarray(scores, dtype=np.float64)[~np.asarray(same)]
    falling = np.concatenate([[np.inf], np.sort(impostor)[::-1], [-np.inf]])  # falling[k] is the k-th highest
    fewest, most = (int(count) for count in binom.interval(confidence, len(impostor), far))
    # Among equal scores the threshold is the next higher one, which no impostor pair need have.
    interval = Interval(float(falling[most + 1]), max(float(falling[fewest]), point.threshold))
    return ThresholdAtFar(point.threshold, point.far_target, point.far_achieved, interval, point.resolved)


def tar_nearest_far(scores: ArrayLike, same: ArrayLike, far: float, confidence: float = 0.95) -> TarAtFar:
    """TAR at the ROC point whose FAR is nearest to the target, above or below: how IJB-C 1:1 results are published.

    Of points equally near it is the one furthest along the curve. The published evaluation reads scikit-learn's curve
    without the points on straight pieces of it, and so does this. `tar_at_far` is the strict reading, which keeps the
    FAR it promises; at the 15.6 million impostor pairs of IJB-C they hardly differ, on few pairs they do. Inputs and
    errors are those of `tar_at_far`.
    """
    check_far(far)
    curve, same = roc(scores, same), np.asarray(same)
    n_genuine, n_impostor = int(same.sum()), int(np.sum(~same))
    counts = np.round([curve.tar * n_genuine, curve.far * n_impostor])
    bends = np.any(np.diff(counts[:, 1:], 2) != 0, axis=0)
    kept = np.flatnonzero(np.concatenate([[True, True], bends, [True]])[: len(curve.far)])
    distance = np.abs(curve.far[kept] - far)
    point = kept[len(kept) - 1 - int(np.argmin(distance[::-1]))]
    return TarAtFar(
        tar=float(curve.tar[point]),
        far_target=float(far),
        far_achieved=float(curve.far[point]),
        threshold=float(curve.thresholds[point]),
        interval=wilson(int(counts[0, point]), n_genuine, confidence),
        resolved=bool(far >= 1 / n_impostor),
    )


def accepted_at(
    fars: Sequence[float], genuine: NDArray[np.float64], impostor: NDArray[np.float64]
) -> list[tuple[float, int, int]]:
    """For each FAR the threshold, and how many of genuine (G,) and impostor (I,) scores it accepts.

    `impostor` is put into another order.
    """
    found, highest = {}, impostor
    for far in sorted(set(fars), reverse=True):
        allowed = _allowed(far, len(impostor))
        if allowed == len(impostor):
            threshold = min(impostor.min(), genuine.min(initial=np.inf))
        else:  # of the highest scores, all that matter for a lower FAR are among those for a higher one
            highest.partition(len(highest) - 1 - allowed)
            highest = highest[len(highest) - 1 - allowed :]
            refused = highest[0]
            threshold = min(scores.min(initial=np.inf, where=scores > refused) for scores in (genuine, highest))
        accepted = (np.count_nonzero(scores >= threshold) for scores in (genuine, highest))
        found[far] = (float(threshold), *map(int, accepted))
    return [found[far] for far in fars]


def _allowed(far: float, n_impostor: int) -> int:
    """The largest number of false accepts whose share, as floating-point numbers divide, is not above `far`."""
    near = int(far * n_impostor)
    return max(count for count in (near - 1, near, near + 1) if count / n_impostor <= far and count <= n_impostor)
