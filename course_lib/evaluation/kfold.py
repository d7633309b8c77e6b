"""Verification accuracy by the LFW protocol: the threshold never sees the pairs it is applied to."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import scored_pairs
from course_lib.evaluation.intervals import Interval, wilson


@dataclass(frozen=True, eq=False)
class KFoldAccuracy:
    """Share of right decisions on held-out folds."""

    mean: float  # of the folds' accuracies
    std: float  # of the folds' accuracies, sample standard deviation (n_folds - 1)
    per_fold: NDArray[np.float64]  # (n_folds,)
    thresholds: NDArray[np.float64]  # (n_folds,), each chosen on the other folds
    interval: Interval  # Wilson interval of all held-out decisions pooled

    def __repr__(self) -> str:
        interval = f"{100 * self.interval.low:.1f} to {100 * self.interval.high:.1f} %"
        return f"KFoldAccuracy({100 * self.mean:.1f} % over {len(self.per_fold)} folds, interval {interval})"


def kfold_accuracy(scores: ArrayLike, same: ArrayLike, n_folds: int = 10, confidence: float = 0.95) -> KFoldAccuracy:
    """Mean accuracy over folds of scores (P,), same (P,) bool, with the threshold from the other folds.

    The folds are contiguous blocks of the genuine pairs and, separately, of the impostor pairs. On a list in LFW's
    published order (ten times 300 genuine then 300 impostor) these are the published folds; on any other order they
    are balanced. Folds share no people only if the list is ordered so, as LFW's is. Raises ValueError when n_folds is
    below 2 or above the number of genuine or of impostor pairs, and TypeError when it is no whole number; other errors
    are those of `roc`. Source: Huang et al., "Labeled Faces in the Wild", technical report 07-49, 2007, View 2.
    """
    scores, same = scored_pairs(scores, same)
    fold_of_pair = fold_numbers(same, n_folds)
    thresholds = _best_without(np.arange(n_folds)[:, None] == fold_of_pair, scores, same)
    correct = (scores >= thresholds[fold_of_pair]) == same
    per_fold = np.bincount(fold_of_pair, weights=correct) / np.bincount(fold_of_pair)
    return KFoldAccuracy(
        mean=float(per_fold.mean()),
        std=float(per_fold.std(ddof=1)),
        per_fold=per_fold,
        thresholds=thresholds,
        interval=wilson(int(correct.sum()), len(correct), confidence),
    )


def fold_numbers(same: NDArray[np.bool_], n_folds: int) -> NDArray[np.int64]:
    """Fold number (P,) of each pair: contiguous blocks within each kind of pair, sizes differing by at most one."""
    if not isinstance(n_folds, Integral):
        raise TypeError(f"n_folds must be a whole number, got {n_folds!r}.")
    fold_of_pair = np.empty(len(same), dtype=np.int64)
    for kind, name in ((True, "genuine"), (False, "impostor")):
        members = np.flatnonzero(same == kind)
        if not 2 <= n_folds <= len(members):
            raise ValueError(f"n_folds must lie between 2 and the {len(members)} {name} pairs, got {n_folds}.")
        for fold, block in enumerate(np.array_split(members, n_folds)):
            fold_of_pair[block] = fold
    return fold_of_pair


def best_threshold(scores: ArrayLike, same: ArrayLike) -> float:
    """Threshold of scores (P,), same (P,) bool, with the most right decisions; the highest of equally good ones.

    It is midway between two neighbouring scores. Rejecting everything is +inf, accepting everything is the lowest
    score. The highest is the strictest: when accuracy cannot tell, false accepts are the worse error. Raises what
    `roc` raises.
    """
    scores, same = scored_pairs(scores, same)
    return float(_best_without(np.zeros((1, len(same)), dtype=bool), scores, same)[0])


def _best_without(
    left_out: NDArray[np.bool_], scores: NDArray[np.float64], same: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """`best_threshold` (F,) of scores (P,), same (P,), each time without the pairs of a row of left_out (F, P)."""
    falling = np.argsort(-scores)  # once: leaving pairs out keeps the order
    scores, left_out = scores[falling], left_out[:, falling]
    last_of_tie = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    steps = np.where(left_out, 0, np.where(same[falling], 1, -1).astype(np.int32))
    # Right decisions more than by rejecting everything, where a threshold can be.
    gains = np.cumsum(steps, axis=1, dtype=np.int32)[:, last_of_tie]
    best = gains.argmax(axis=1)  # the first of equally good ones
    rows = zip(left_out, gains.max(axis=1), last_of_tie[best], strict=True)
    return np.array([_cut(scores, out, at) if gain > 0 else np.inf for out, gain, at in rows])


def _cut(scores: NDArray[np.float64], left_out: NDArray[np.bool_], at: int) -> float:
    """The threshold that accepts scores (P,), which do not increase, up to place `at`, and not the next in use."""
    upper, others = float(scores[at]), np.flatnonzero(~left_out[at + 1 :])
    if len(others) == 0:
        return upper  # everything is accepted
    lower = float(scores[at + 1 + others[0]])
    middle = upper / 2 + lower / 2
    return middle if lower < middle <= upper else upper  # neighbouring floats have nothing between them
