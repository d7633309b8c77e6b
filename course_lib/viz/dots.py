"""Dots over categories, which no line joins: layers, networks, kinds of damage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz import _checks
from course_lib.viz.layout import LABEL_POINTS, blank, put_labels, put_legend_below, put_title, whole_ticks, wrapped
from course_lib.viz.references import Value, put_references
from course_lib.viz.style import class_style


def dots(
    series: Mapping[str, Sequence[float]],
    categories: Sequence[str],
    *,
    title: str,
    xlabel: str,
    intervals: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    references: Mapping[str, Value] | None = None,
    limits: tuple[float, float] | None = None,
    log_x: bool = False,
) -> Figure:
    """A row for each category, from the top down, with a dot for its value in each series, over one x axis.

    Args:
        series: ``{name: values}``, one a category, each with its colour and marker.
        categories: the names of the rows.
        intervals: (low, high) of a series of that name, drawn through its dots.
        references: ``{name: x}`` to compare with, dashed lines; (low, x, high) has its interval shaded.
        limits: of the x axis.

    Raises ValueError for values that are not finite, or not above zero with ``log_x``, and for lengths that differ.
    """
    _checks.not_empty("series", series)
    _checks.not_empty("categories", categories)
    intervals = intervals or {}
    if not intervals.keys() <= series.keys():
        raise ValueError(f"intervals are given for {list(intervals)}; expected names of series: {list(series)}")
    figure = blank(7, 1.4 + max(0.34, 0.15 * len(series) + 0.1) * len(categories))
    axis = figure.subplots()
    axis.set_xscale("log" if log_x else "linear")
    rows, seen = np.arange(len(categories)), []
    lanes = np.linspace(-0.18, 0.18, len(series)) if len(series) > 1 else [0.0]  # so that equal values are all seen
    for label, (lane, (name, values)) in enumerate(zip(lanes, series.items(), strict=True)):
        _checks.same_length(f"series {name!r}", values, "categories", len(categories))
        values = _checks.finite(f"series {name!r}", values, positive=log_x)
        seen.append(values)
        axis.plot(values, rows + lane, linestyle="", markersize=6.5, label=name, zorder=3, **class_style(label))
        if name in intervals:
            low, high = (_checks.finite(f"intervals[{name!r}]", ends, positive=log_x) for ends in intervals[name])
            for ends in (low, high):
                _checks.same_length(f"intervals[{name!r}]", ends, "categories", len(categories))
            axis.hlines(rows + lane, low, high, color=class_style(label)["color"], linewidth=1.6, alpha=0.6)
    put_references(axis, references or {}, upright=True)
    whole_ticks(axis.xaxis, np.concatenate(seen))
    if limits is not None:
        axis.set_xlim(*_checks.limits("limits", limits))
    axis.set(ylim=(len(categories) - 0.5, -0.5), yticks=rows)
    axis.set_yticklabels([wrapped(name, 2.2, LABEL_POINTS) for name in categories])
    put_labels(axis, xlabel, "")
    if len(series) + len(references or {}) > 1:
        put_legend_below(axis)
    put_title(figure, title)
    return figure
