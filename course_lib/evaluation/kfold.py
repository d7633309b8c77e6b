"""Verification accuracy by the LFW protocol: the threshold never sees the pairs it is applied to."""

from __future__ import annotations

from dataclasses import dataclass

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


def kfold_accuracy(scores: ArrayLike, same: ArrayLike, n_folds: int = 10, confidence: float = 0.95) -> KFoldAccuracy:
    """Mean accuracy over folds of scores (P,), same (P,) bool, with the threshold from the other folds.

    The folds are contiguous blocks of the genuine pairs and, separately, of the impostor pairs. On a list in LFW's
    published order (ten times 300 genuine then 300 impostor) these are the published folds; on any other order they
    are balanced. Folds share no people only if the list is ordered so, as LFW's is. Raises ValueError when n_folds is
    below 2 or above the number of genuine or of impostor pairs; other errors are those of `roc`. Source: Huang et
    al., "Labeled Faces in the Wild", technical report 07-49, 2007, View 2.
    """
    scores, same = scored_pairs(scores, same)
    fold_of_pair = fold_numbers(same, n_folds)
    correct, thresholds = np.zeros(len(same), dtype=bool), np.empty(n_folds)
    falling = np.argsort(-scores, kind="stable")  # sorted once: leaving a fold out keeps the order
    for fold in range(n_folds):
        training = falling[fold_of_pair[falling] != fold]
        thresholds[fold] = _best_of_sorted(scores[training], same[training])
        held_out = fold_of_pair == fold
        correct[held_out] = (scores[held_out] >= thresholds[fold]) == same[held_out]
    per_fold = np.array([correct[fold_of_pair == fold].mean() for fold in range(n_folds)])
    return KFoldAccuracy(
        mean=float(per_fold.mean()),
        std=float(per_fold.std(ddof=1)),
        per_fold=per_fold,
        thresholds=thresholds,
        interval=wilson(int(correct.sum()), len(correct), confidence),
    )


def fold_numbers(same: NDArray[np.bool_], n_folds: int) -> NDArray[np.int64]:
    """Fold number (P,) of each pair: contiguous blocks within each kind of pair, sizes differing by at most one."""
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
    falling = np.argsort(-scores, kind="stable")
    return _best_of_sorted(scores[falling], same[falling])


def _best_of_sorted(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """`best_threshold` of scores (P,) that do not increase."""
    last_of_tie = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    gain = np.cumsum(np.where(same, 1, -1))[last_of_tie]  # right decisions more than by rejecting everything
    best = int(np.argmax(gain))  # the first of equally good ones
    if gain[best] <= 0:
        return np.inf
    upper = float(scores[last_of_tie[best]])
    if best == len(last_of_tie) - 1:
        return upper
    lower = float(scores[last_of_tie[best] + 1])
    middle = upper / 2 + lower / 2
    return middle if lower < middle <= upper else upper  # neighbouring floats have nothing between them
