"""Scores of genuine and impostor pairs, counted: what is compared has the same bins and the same axes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from course_lib.viz import _checks
from course_lib.viz.layout import LEGEND_POINTS, blank, put_labels, put_legend_below, put_title, whole_ticks, wrapped
from course_lib.viz.style import COLOURS, MARKERS

Scores = NDArray[np.float64]
Same = NDArray[np.bool_]


def score_histogram(
    scores: ArrayLike,
    same: ArrayLike,
    *,
    title: str,
    threshold: float | None = None,
    marked: Mapping[str, float] | None = None,
) -> Figure:
    """Scores (P,) of genuine and impostor pairs, the threshold between them, and single scores marked by name.

    Raises TypeError when ``same`` (P,) is not boolean.
    """
    scores, same = _pairs(scores, same)
    marked = {name: _checks.number(f"marked[{name!r}]", score) for name, score in (marked or {}).items()}
    figure = blank(7, 4)
    axis = figure.subplots()
    _draw(axis, scores, same, _bins(scores), threshold)
    for label, (name, score) in enumerate(marked.items(), 2):  # a pin, with its head over the bars
        pin = {"color": "black", "linewidth": 1, "marker": MARKERS[label % 10], "markersize": 9, "markevery": [1]}
        axis.plot([score] * 2, [0, 0.95], transform=axis.get_xaxis_transform(), label=name, **pin)
    put_labels(axis, "cosine score", "pairs")
    put_legend_below(axis)
    put_title(figure, title)
    return figure


def score_histograms(
    panels: Mapping[str, tuple[ArrayLike, ArrayLike]], *, title: str, thresholds: Mapping[str, float] | None = None
) -> Figure:
    """Several ``{heading: (scores (P,), same (P,))}`` one below the other, all with the same bins and the same axes.

    ``thresholds`` are lines in the panels of those headings. Raises TypeError when ``same`` is not boolean.
    """
    _checks.not_empty("panels", panels)
    thresholds = dict(thresholds or {})
    if unknown := set(thresholds) - set(panels):
        raise ValueError(f"thresholds are given for {sorted(unknown)}; expected headings of panels: {list(panels)}")
    pairs = {heading: _pairs(scores, same) for heading, (scores, same) in panels.items()}
    bins = _bins(np.concatenate([scores for scores, _ in pairs.values()]))
    figure = blank(7, 0.9 + 2.3 * len(panels))
    axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False).ravel()
    for axis, (heading, (scores, same)) in zip(axes, pairs.items(), strict=True):
        _draw(axis, scores, same, bins, thresholds.get(heading))
        axis.set_title(wrapped(heading, 6, LEGEND_POINTS), fontsize=LEGEND_POINTS, loc="left", pad=3)
        put_labels(axis, "cosine score" if axis is axes[-1] else "", "pairs")
    put_legend_below(*axes)
    put_title(figure, title)
    return figure


def _pairs(scores: ArrayLike, same: ArrayLike) -> tuple[Scores, Same]:
    scores, same = _checks.finite("scores", scores), np.asarray(same)
    _checks.not_empty("scores", scores)
    if same.dtype != np.bool_:
        raise TypeError(f"same is {same.dtype}; expected booleans, such as labels[left] == labels[right]")
    _checks.same_length("same", same, "scores", len(scores))
    return scores, same


def _bins(scores: Scores) -> NDArray[np.float64]:
    return np.histogram_bin_edges(scores, bins=int(np.clip(np.sqrt(len(scores)), 10, 40)))


def _draw(axis: Axes, scores: Scores, same: Same, bins: NDArray[np.float64], threshold: float | None) -> None:
    for name, chosen, colour, hatch in (
        ("impostor pairs", ~same, COLOURS[1], "//"),
        ("genuine pairs", same, COLOURS[0], None),
    ):
        look = {"color": colour, "edgecolor": colour, "alpha": 0.5, "hatch": hatch, "linewidth": 0.8}
        axis.hist(scores[chosen], bins=bins, label=name, **look)
    whole_ticks(axis.yaxis, np.zeros(1))  # pairs are counted
    if threshold is not None:
        threshold = _checks.number("threshold", threshold)
        axis.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.2f}")
