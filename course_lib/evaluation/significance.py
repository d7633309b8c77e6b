"""Whether one system is more accurate than another: on the same pairs, or from published counts alone."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from course_lib.evaluation.intervals import Interval, wilson


@dataclass(frozen=True)
class McNemar:
    """The pairs on which exactly one of two systems is right; the others say nothing about their difference."""

    only_a: int
    only_b: int
    p: float  # two-sided: of a difference this large or larger, if either were as likely to be the one that is right


@dataclass(frozen=True)
class AccuracyDifference:
    """The difference of two accuracies that were measured independently."""

    difference: float  # a - b
    interval: Interval  # Newcombe's; the systems differ at this confidence when it excludes 0
    z: float  # of the two-proportion test; 0 where both are right always, or never
    p: float  # two-sided


def mcnemar(right_a: ArrayLike, right_b: ArrayLike) -> McNemar:
    """Exact test of two systems on the same pairs: right_a, right_b (P,) bool, whether each decided a pair rightly.

    It takes the pairs to be independent. Where a person or a photograph is in many of them, p is too small.

    Raises TypeError unless both are boolean, ValueError for unequal lengths or no pair. Source: McNemar, "Note on the
    sampling error of the difference between correlated proportions or percentages", Psychometrika 12, 1947, with the
    binomial distribution in place of its approximation.
    """
    right_a, right_b = np.asarray(right_a), np.asarray(right_b)
    for name, right in (("right_a", right_a), ("right_b", right_b)):
        if right.dtype != np.bool_:
            raise TypeError(f"{name} must be boolean, got {right.dtype}; pass (scores >= threshold) == same.")
    if right_a.ndim != 1 or right_a.shape != right_b.shape or len(right_a) == 0:
        raise ValueError(f"Expected one decision of each on every pair, got shapes {right_a.shape}, {right_b.shape}.")
    from scipy.stats import binomtest  # here, since the import takes longer than that of the rest of the package

    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    p = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(only_a, only_b, p)


def difference_of_accuracies(
    right_a: int, n_a: int, right_b: int, n_b: int, confidence: float = 0.95
) -> AccuracyDifference:
    """Compare right_a right decisions of n_a with right_b of n_b, as if made on different pairs.

    This is what a published table allows. Where both systems saw the same pairs and the single decisions are known,
    `mcnemar` is the right test, and usually the sharper one. z is the two-proportion test with pooled variance.
    Raises ValueError unless 0 <= right <= n and n >= 1. Source: Newcombe, "Interval estimation for the difference
    between independent proportions", Statistics in Medicine 17, 1998, method 10.
    """
    wilson_a, wilson_b = wilson(right_a, n_a, confidence), wilson(right_b, n_b, confidence)
    a, b, pooled = right_a / n_a, right_b / n_b, (right_a + right_b) / (n_a + n_b)
    down = np.hypot(a - wilson_a.low, wilson_b.high - b)
    up = np.hypot(wilson_a.high - a, b - wilson_b.low)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    z = float((a - b) / spread) if spread > 0 else 0.0
    p = 2 * NormalDist().cdf(-abs(z))
    return AccuracyDifference(a - b, Interval(float(a - b - down), float(a - b + up)), z, p)
