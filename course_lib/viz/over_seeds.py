"""What several seeds say together: paired differences with a verdict each, and mean curves with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from course_lib.evaluation import Interval, mean_interval, paired_difference
from course_lib.viz import _checks
from course_lib.viz.figures import seeds_and_means
from course_lib.viz.lines import lines


def paired_differences(
    pairs: Mapping[str, tuple[ArrayLike, ArrayLike]], *, title: str, xlabel: str, **options: Any
) -> Figure:
    """One dot a seed for a - b of ``{name: (a (S,), b (S,))}``, the mean's 95 % interval, and what it says in words.

    ``options`` are those of ``seeds_and_means``. More is taken for better. Raises ValueError for fewer than two seeds,
    or pairs of unequal length.
    """
    _checks.not_empty("pairs", pairs)
    intervals = {name: paired_difference(a, b) for name, (a, b) in pairs.items()}
    labels = {name: f"{name}: {_verdict(interval)}" for name, interval in intervals.items()}
    differences = {labels[name]: np.asarray(a, float) - np.asarray(b, float) for name, (a, b) in pairs.items()}
    bars = {labels[name]: (interval.low, interval.high) for name, interval in intervals.items()}
    return seeds_and_means(differences, bars, title=title, xlabel=xlabel, **options)


def mean_curves(
    series: Mapping[str, ArrayLike],
    x: Sequence[float] | Sequence[str],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    **options: Any,
) -> Figure:
    """Curves over one x, each the mean of the rows of ``{name: (S, len(x))}``, in the band of the mean's 95 % interval.

    ``options`` are those of ``lines``. Raises ValueError for fewer than two seeds, or rows that do not fit x.
    """
    means, bands = {}, {}
    for name, values in series.items():
        rows = np.asarray(values, float)
        if rows.ndim != 2 or rows.shape[1] != len(x):
            raise ValueError(f"series {name!r} has shape {rows.shape}; expected (seeds, {len(x)}), a row a seed")
        found = [mean_interval(column) for column in rows.T]
        means[name], bands[name] = rows.mean(axis=0), ([i.low for i in found], [i.high for i in found])
    return lines(means, x, title=title, xlabel=xlabel, ylabel=ylabel, bands=bands, **options)


def _verdict(interval: Interval) -> str:
    return "better" if interval.low > 0 else "worse" if interval.high < 0 else "no clear difference"
