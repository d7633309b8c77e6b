"""Bars: a few things compared in several units, each unit in a panel of its own."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from course_lib.viz import _checks
from course_lib.viz.layout import LABEL_POINTS, LEGEND_POINTS, blank, put_labels, put_title, wrapped
from course_lib.viz.style import class_style


def bars(panels: Mapping[str, Mapping[str, float]], *, title: str) -> Figure:
    """Horizontal bars from zero with their values beside them, one panel an entry of ``{unit: {name: value}}``.

    Every panel holds the same names in the same order. Raises ValueError for other names, negative values, or nothing.
    """
    _checks.not_empty("panels", panels)
    names = list(next(iter(panels.values())))
    _checks.not_empty("names", names)
    figure = blank(7, len(panels) * (0.32 * len(names) + 0.65) + 0.4)
    axes = figure.subplots(len(panels), 1, squeeze=False).ravel()
    for axis, (unit, values) in zip(axes, panels.items(), strict=True):
        if list(values) != names:
            raise ValueError(f"panels[{unit!r}] is of {list(values)}; expected the same names in each panel: {names}")
        lengths = _checks.finite(f"panels[{unit!r}]", list(values.values()))
        if lengths.min() < 0:
            raise ValueError(f"panels[{unit!r}] holds {lengths.min():g}; expected values of at least 0")
        colours = [class_style(row)["color"] for row in range(len(names))]
        drawn = axis.barh(range(len(names)), lengths, color=colours, height=0.7)
        axis.bar_label(drawn, [_short(length) for length in lengths], padding=3, fontsize=LEGEND_POINTS)
        axis.set(yticks=range(len(names)), yticklabels=[wrapped(name, 2.0, LABEL_POINTS) for name in names])
        axis.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, 1.15 * lengths.max() or 1))
        put_labels(axis, unit, "")
        axis.grid(visible=False, axis="y")
    put_title(figure, title)
    return figure


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
