"""Bars: a few things compared in several units, each unit in a panel of its own."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from course_lib.viz import _checks
from course_lib.viz.layout import LABEL_POINTS, LEGEND_POINTS, blank, put_labels, put_title, wrapped
from course_lib.viz.style import class_style

Value = float | tuple[float, float, float] | None


def bars(panels: Mapping[str, Mapping[str, Value]], *, title: str) -> Figure:
    """Horizontal bars from zero with their values beside them, one panel an entry of ``{unit: {name: value}}``.

    A value may be (low, middle, high), drawn as a bar with its interval, or None, which is written as not known. Every
    panel holds the same names in the same order. Raises ValueError for other names, negative values, or nothing.
    """
    _checks.not_empty("panels", panels)
    names = list(next(iter(panels.values())))
    _checks.not_empty("names", names)
    figure = blank(7, len(panels) * (0.32 * len(names) + 0.65) + 0.4)
    axes = figure.subplots(len(panels), 1, squeeze=False).ravel()
    for axis, (unit, values) in zip(axes, panels.items(), strict=True):
        if list(values) != names:
            raise ValueError(f"panels[{unit!r}] is of {list(values)}; expected the same names in each panel: {names}")
        low, lengths, high = (
            _checks.finite(f"panels[{unit!r}]", [_interval(value)[part] for value in values.values()])
            for part in range(3)
        )
        if low.min() < 0 or (low > lengths).any() or (lengths > high).any():
            raise ValueError(
                f"panels[{unit!r}] holds {low.min():g}; expected values of at least 0, or 0 <= low <= middle <= high"
            )
        colours = [class_style(row)["color"] for row in range(len(names))]
        spread = {} if (low == high).all() else {"xerr": (lengths - low, high - lengths), "capsize": 3}
        drawn = axis.barh(range(len(names)), lengths, color=colours, height=0.7, ecolor="#333333", **spread)
        said = ["not known" if value is None else _short(_interval(value)[1]) for value in values.values()]
        axis.bar_label(drawn, said, padding=3, fontsize=LEGEND_POINTS)
        axis.set(yticks=range(len(names)), yticklabels=[wrapped(name, 2.0, LABEL_POINTS) for name in names])
        axis.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, 1.15 * high.max() or 1))
        put_labels(axis, unit, "")
        axis.grid(visible=False, axis="y")
    put_title(figure, title)
    return figure


def _interval(value: Value) -> tuple[float, float, float]:
    if isinstance(value, tuple):
        return value
    return (0.0, 0.0, 0.0) if value is None else (value, value, value)


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
