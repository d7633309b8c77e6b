"""Curves over one x, a panel a unit. Lines join what lies on a scale: jumps break them, categories are for ``dots``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from course_lib.viz import _checks
from course_lib.viz.layout import blank, put_labels, put_legend_below, put_title, whole_ticks
from course_lib.viz.references import Value, put_names, put_references
from course_lib.viz.style import class_style

Curves = Mapping[str, Sequence[float]]
Bands = Mapping[str, tuple[Sequence[float], Sequence[float]]]
Points = Mapping[str, tuple[float, float]]
Breaks = Sequence[float] | Mapping[str, Sequence[float]]


def lines(
    series: Curves,
    x: Sequence[float] | Sequence[str],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    bands: Bands | None = None,
    references: Mapping[str, Value] | None = None,
    named: Points | None = None,
    breaks: Breaks = (),
    limits: tuple[float, float] | None = None,
    log_x: bool = False,
    log_y: bool = False,
) -> Figure:
    """Several curves of one unit over one x, told apart by colour and marker.

    Args:
        series: ``{name: y}``, as many y as x.
        x: numbers, or numbers as words (``["1", "2", "5"]``), which then stand evenly spaced.
        bands: (low, high) around curves of that name, such as intervals.
        references: ``{name: y}`` to compare with, dashed lines without markers; (low, y, high) has its interval shaded.
        named: ``{name: (x, y)}``, points that the text speaks of.
        breaks: values of x at which the curves jump: no line leads from below to there. ``{name: values}`` breaks only
            those curves.
        limits: of the y axis.

    Raises:
        ValueError: x are words that are not numbers: a line between categories means nothing, ``dots`` draws them.
    """
    return line_panels(
        {ylabel: series},
        x,
        title=title,
        xlabel=xlabel,
        bands={ylabel: bands or {}},
        references={ylabel: references or {}},
        named={ylabel: named or {}},
        breaks=breaks,
        limits={} if limits is None else {ylabel: limits},
        log_x=log_x,
        log_y=[ylabel] if log_y else (),
    )


def line_panels(
    panels: Mapping[str, Curves],
    x: Sequence[float] | Sequence[str],
    *,
    title: str,
    xlabel: str,
    bands: Mapping[str, Bands] | None = None,
    references: Mapping[str, Mapping[str, Value]] | None = None,
    named: Mapping[str, Points] | None = None,
    breaks: Breaks = (),
    limits: Mapping[str, tuple[float, float]] | None = None,
    log_x: bool = False,
    log_y: Sequence[str] = (),
) -> Figure:
    """Curves of several units over one x, a panel an entry of ``{unit: {name: y}}``, one below the other.

    A name has one colour in all panels. ``bands``, ``references``, ``named`` and ``limits`` are those of ``lines`` by
    unit; ``log_y`` lists the units with a logarithmic axis.
    """
    _checks.not_empty("panels", panels)
    _checks.not_empty("x", x)
    by_unit = {"bands": bands, "references": references, "named": named, "limits": limits, "log_y": log_y}
    for what, given in by_unit.items():
        if unknown := set(given or {}) - set(panels):
            raise ValueError(f"{what} are given for {sorted(unknown)}; expected units of panels: {list(panels)}")
    names = list(dict.fromkeys(name for series in panels.values() for name in series))
    dashes = list(dict.fromkeys(name for values in (references or {}).values() for name in values))
    places, values, words = _scale(x, log_x)
    gaps = _gaps(values, names, breaks)
    figure = blank(7, 4 if len(panels) == 1 else 0.9 + 2.3 * len(panels))
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False).ravel()
    for axis, (unit, series) in zip(axes, panels.items(), strict=True):
        axis.set(xscale="log" if log_x else "linear", yscale="log" if unit in log_y else "linear")
        _draw(axis, series, (bands or {}).get(unit) or {}, places, gaps, names)
        for name, value in ((references or {}).get(unit) or {}).items():
            put_references(axis, {name: value}, first=dashes.index(name))
        if limits and unit in limits:
            axis.set_ylim(*_checks.limits(f"limits of {unit!r}", limits[unit]))
        put_labels(axis, xlabel if axis is axes[-1] else "", unit)
    if words:
        axes[0].set_xticks(places, words)
    elif not log_x:
        whole_ticks(axes[0].xaxis, places)
    if len(names) + len(dashes) > 1:
        put_legend_below(*axes)
    put_title(figure, title)
    for axis, unit in zip(axes, panels, strict=True):
        points = ((named or {}).get(unit) or {}).items()
        put_names(axis, {name: (np.interp(at, values, places) if words else at, y) for name, (at, y) in points})
    return figure


def _draw(
    axis: Axes,
    series: Curves,
    bands: Bands,
    x: NDArray[np.float64],
    gaps: Mapping[str, NDArray[np.int64]],
    names: Sequence[str],
) -> None:
    _checks.not_empty("series", series)
    if not bands.keys() <= series.keys():
        raise ValueError(f"bands are given for {list(bands)}; expected names of curves: {list(series)}")
    positive = axis.get_yscale() == "log"
    every = -(-len(x) // 20)  # about twenty markers a curve, shifted so that curves that agree are all seen
    seen = []
    for name, y in series.items():
        _checks.same_length(f"series {name!r}", y, "x", len(x))
        y = _checks.finite(f"series {name!r}", y, positive=positive)
        seen.append(y)
        label = names.index(name)
        marked, look = (label * every // len(names), every), class_style(label)
        at = np.insert(x, gaps[name], np.nan)
        axis.plot(at, np.insert(y, gaps[name], np.nan), label=name, markersize=5, markevery=marked, **look)
        if name in bands:
            edges = [_checks.finite(f"the band of {name!r}", edge, positive=positive) for edge in bands[name]]
            for edge in edges:
                _checks.same_length(f"the band of {name!r}", edge, "x", len(x))
            low, high = (np.insert(edge, gaps[name], np.nan) for edge in edges)
            axis.fill_between(at, low, high, color=look["color"], alpha=0.2, linewidth=0)
    whole_ticks(axis.yaxis, np.concatenate(seen))


def _scale(
    x: Sequence[float] | Sequence[str], log_x: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Where points are drawn, the numbers that x means, and the words below the axis, if x are words."""
    if not isinstance(x[0], str):
        places = _checks.finite("x", x, positive=log_x)
        return places, places, []
    try:
        values = _checks.finite("x", [float(word.replace(",", "")) for word in x])
    except ValueError:
        given = ", ".join(map(repr, x))
        raise ValueError(f"x are {given}; expected numbers: no line joins categories, viz.dots draws them") from None
    return _checks.finite("x", range(len(x)), positive=log_x), values, list(x)


def _gaps(x: NDArray[np.float64], names: Sequence[str], breaks: Breaks) -> dict[str, NDArray[np.int64]]:
    """Before which points each curve is broken: the first ones that are not below a break."""
    by_name = breaks if isinstance(breaks, Mapping) else dict.fromkeys(names, breaks)
    if unknown := set(by_name) - set(names):
        raise ValueError(f"breaks are given for {sorted(unknown)}; expected names of curves: {list(names)}")
    if any(len(places) for places in by_name.values()) and (np.diff(x) <= 0).any():
        raise ValueError("x falls or repeats; expected x that rise where curves have breaks")
    for name, places in by_name.items():
        if outside := [place for place in places if not x[0] < place <= x[-1]]:
            raise ValueError(f"{name!r} has a break at {outside[0]}; expected one above {x[0]:g} and up to {x[-1]:g}")
    return {name: np.unique(np.searchsorted(x, np.asarray(by_name.get(name, ()), float))) for name in names}
