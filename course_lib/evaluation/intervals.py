"""Confidence intervals: for a proportion, for any statistic, for a mean over seeds, for a paired difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from course_lib.evaluation._checks import finite


@dataclass(frozen=True)
class Interval:
    """A closed interval, low <= high, in the unit of the quantity it bounds."""

    low: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether the two intervals share a point. Overlap is not proof of equality: see `paired_difference`."""
        return self.low <= other.high and other.low <= self.high


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, for example 0.95, got {confidence}.")


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval for a proportion: stays inside [0, 1] and is not empty at 0 or `trials` successes.

    It assumes independent trials. Pairs that share a person or a photograph are not independent, so for face pairs
    the interval is somewhat too narrow. Raises ValueError unless 0 <= successes <= trials and trials >= 1.
    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    _check_confidence(confidence)
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"Expected 0 <= successes <= trials and trials >= 1, got {successes} of {trials}.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, shrink = successes / trials, 1 + z * z / trials
    center = (share + z * z / (2 * trials)) / shrink
    half = z / shrink * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    # The bounds are exactly 0 and 1 at the ends; rounding must not move them past the estimate.
    low = 0.0 if successes == 0 else float(center - half)
    high = 1.0 if successes == trials else float(center + half)
    return Interval(low, high)


def bootstrap(
    statistic: Callable[..., float],
    *arrays: ArrayLike,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of `statistic(*arrays)`: rows are drawn with replacement, jointly in all arrays.

    Arrays (N, ...) share their first axis. Deterministic for a given seed. Raises ValueError for no or empty arrays,
    unequal lengths, or a statistic that is NaN on a resample. Source: Efron and Tibshirani, "An Introduction to the
    Bootstrap", 1993, chapter 13.
    """
    _check_confidence(confidence)
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}.")
    columns = [np.asarray(array) for array in arrays]
    lengths = [len(column) for column in columns]
    if not lengths or min(lengths) < 1 or len(set(lengths)) != 1:
        raise ValueError(f"bootstrap needs one or more arrays of the same length >= 1, got lengths {lengths}.")
    generator, values = np.random.default_rng(seed), np.empty(n_resamples)
    for draw in range(n_resamples):
        rows = generator.integers(lengths[0], size=lengths[0])
        values[draw] = statistic(*(column[rows] for column in columns))
        if np.isnan(values[draw]):
            raise ValueError(f"The statistic is NaN on resample {draw}; define it for every resample of the rows.")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student t interval for the mean of a few independent runs, values (N,), N >= 2, for example one per seed."""
    _check_confidence(confidence)
    values = finite("values", values, ndim=1)
    if len(values) < 2:
        raise ValueError(f"An interval for the mean needs at least 2 values, got {len(values)}: run more seeds.")
    from scipy.special import stdtrit  # here, since the import takes as long as that of the rest of the package

    quantile = float(stdtrit(len(values) - 1, (1 + confidence) / 2))
    mean, half = float(values.mean()), quantile * float(values.std(ddof=1)) / np.sqrt(len(values))
    return Interval(float(mean - half), float(mean + half))


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student t interval for the mean of a - b, where a[i] and b[i] (N,) share their seed or their data.

    The runs differ at this confidence when the interval excludes 0. Raises ValueError for unequal lengths or N < 2.
    """
    a, b = finite("a", a, ndim=1), finite("b", b, ndim=1)
    if a.shape != b.shape:
        raise ValueError(f"Paired runs need one value of b for each of a, got {len(a)} and {len(b)}.")
    return mean_interval(a - b, confidence)
