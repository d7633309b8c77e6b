"""The four counts of decisions at a threshold, and the shares read from them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from course_lib.evaluation._checks import scored_pairs
from course_lib.evaluation.intervals import Interval, wilson

SHARES = ("precision", "recall", "specificity", "accuracy", "f1")


@dataclass(frozen=True)
class Confusion:
    """How many genuine pairs were accepted (tp) and rejected (fn), and impostor pairs accepted (fp) and rejected (tn).

    Raises TypeError for counts that are not integers and ValueError for negative ones. A share whose denominator is
    zero raises ValueError when it is asked for.
    """

    tp: int
    fn: int
    fp: int
    tn: int

    def __post_init__(self) -> None:
        for field in fields(self):
            count = getattr(self, field.name)
            if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
                raise TypeError(f"{field.name} must be a whole number of pairs, got {count!r}.")
            if count < 0:
                raise ValueError(f"{field.name} must not be negative, got {count}.")

    @property
    def precision(self) -> float:
        """Share of the accepted pairs that are genuine: tp / (tp + fp)."""
        return self._share("precision")

    @property
    def recall(self) -> float:
        """Share of the genuine pairs that are accepted, the TAR: tp / (tp + fn)."""
        return self._share("recall")

    @property
    def specificity(self) -> float:
        """Share of the impostor pairs that are rejected, 1 - FAR: tn / (tn + fp)."""
        return self._share("specificity")

    @property
    def accuracy(self) -> float:
        """Share of all pairs decided rightly: (tp + tn) / (tp + fn + fp + tn)."""
        return self._share("accuracy")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn)."""
        return _f1(self._share("f1"))

    def intervals(self, confidence: float = 0.95) -> dict[str, Interval]:
        """Wilson intervals of precision, recall, specificity, accuracy and f1, by name.

        F1 is no share of trials, but it rises with one that is, F* = tp / (tp + fp + fn), as F1 = 2 F* / (1 + F*): its
        interval is that of F*, carried over. Source: Hand, Christen and Kirielle, "F*: an interpretable
        transformation of the F-measure", Machine Learning 110, 2021.
        """
        found = {name: wilson(*self._counts(name), confidence) for name in SHARES}
        return {**found, "f1": Interval(_f1(found["f1"].low), _f1(found["f1"].high))}

    def _share(self, name: str) -> float:
        counted, among = self._counts(name)
        return counted / among

    def _counts(self, name: str) -> tuple[int, int]:
        """The pairs counted for a share, and those they are a share of; for f1 the share is F*."""
        tp, fn, fp, tn = (int(getattr(self, field.name)) for field in fields(self))
        counted, among = {
            "precision": (tp, tp + fp),
            "recall": (tp, tp + fn),
            "specificity": (tn, tn + fp),
            "accuracy": (tp + tn, tp + fn + fp + tn),
            "f1": (tp, tp + fp + fn),
        }[name]
        if among == 0:
            raise ValueError(f"The {name} of {self} is not defined: it would be a share of no pairs at all.")
        return counted, among


def _f1(f_star: float) -> float:
    return 2 * f_star / (1 + f_star)


def confusion(scores: ArrayLike, same: ArrayLike, threshold: float) -> Confusion:
    """The decisions on scores (P,) float and same (P,) bool, accepting a pair when score >= threshold.

    Raises ValueError for a threshold that is NaN; other errors are those of `roc`.
    """
    scores, same = scored_pairs(scores, same)
    if np.isnan(threshold):
        raise ValueError("threshold is NaN; expected a number, or infinity to reject every pair.")
    accepted = scores >= threshold
    tp, fp = int(np.sum(accepted & same)), int(np.sum(accepted & ~same))
    return Confusion(tp=tp, fn=int(same.sum()) - tp, fp=fp, tn=int(np.sum(~same)) - fp)
