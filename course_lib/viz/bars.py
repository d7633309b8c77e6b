"""Bars: a few things compared in one unit or several. Bars of one unit share their axis: lengths can be compared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from course_lib.viz import _checks
from course_lib.viz.layout import LABEL_POINTS, LEGEND_POINTS, blank, put_labels, put_title, whole_ticks, wrapped
from course_lib.viz.style import class_style

Value = float | tuple[float, float, float] | None
WHOLE = {"probability": 1.0, "share": 1.0, "%": 100.0}  # all there is, by how the name of its unit ends


def bars(
    panels: Mapping[str, Mapping[str, Value]],
    *,
    title: str,
    unit: str | Mapping[str, str] | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Horizontal bars from zero with their values beside them, one panel an entry of ``{heading: {name: value}}``.

    Args:
        panels: each of the same names in the same order. A value may be (low, middle, high), drawn as a bar with its
            interval, or None, which is written as not known.
        unit: of all panels, or ``{heading: unit}``; a panel without one is its own unit, named by its heading. Panels
            of one unit have the same axis.
        limits: ``{unit: (0, highest)}``. Without: 0 to 100 for a unit that ends in "%", 0 to 1 for one that ends in
            "probability" or "share", and otherwise as far as its longest bar.

    Raises ValueError for names that differ, negative values, bars beyond the axis, or nothing.
    """
    _checks.not_empty("panels", panels)
    names = list(next(iter(panels.values())))
    _checks.not_empty("names", names)
    units = _checks.units(panels, unit)
    spans = {heading: _spans(heading, values, names) for heading, values in panels.items()}
    ends = _ends(spans, units, limits or {})
    headed = sum(units[heading] != heading for heading in panels)
    figure = blank(7, len(panels) * (0.32 * len(names) + 0.65) + 0.22 * headed + 0.4)
    axes = figure.subplots(len(panels), 1, squeeze=False).ravel()
    for axis, (heading, values) in zip(axes, panels.items(), strict=True):
        _draw(axis, values, spans[heading])
        axis.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, ends[units[heading]]))
        whole_ticks(axis.xaxis, np.concatenate([spans[other] for other in panels if units[other] == units[heading]]))
        put_labels(axis, units[heading], "")
        axis.grid(visible=False, axis="y")
        if units[heading] != heading:
            axis.set_title(wrapped(heading, 6, LEGEND_POINTS), fontsize=LEGEND_POINTS, loc="left", pad=3)
    put_title(figure, title)
    return figure


def _draw(axis: Axes, values: Mapping[str, Value], spans: NDArray[np.float64]) -> None:
    low, lengths, high = spans
    colours = [class_style(row)["color"] for row in range(len(lengths))]
    spread = {} if (low == high).all() else {"xerr": (lengths - low, high - lengths), "capsize": 3}
    drawn = axis.barh(range(len(lengths)), lengths, color=colours, height=0.7, ecolor="#333333", **spread)
    said = [
        "not known" if values[name] is None else _short(length) for name, length in zip(values, lengths, strict=True)
    ]
    axis.bar_label(drawn, said, padding=3, fontsize=LEGEND_POINTS)
    axis.set(yticks=range(len(lengths)), yticklabels=[wrapped(name, 2.0, LABEL_POINTS) for name in values])


def _spans(heading: str, values: Mapping[str, Value], names: list[str]) -> NDArray[np.float64]:
    """Low ends, lengths and high ends (3, names)."""
    if list(values) != names:
        raise ValueError(f"panels[{heading!r}] is of {list(values)}; expected the same names in each panel: {names}")
    rows = [value if isinstance(value, tuple) else (value or 0.0,) * 3 for value in values.values()]
    spans = np.array([_checks.finite(f"panels[{heading!r}]", part) for part in zip(*rows, strict=True)])
    if spans.min() < 0 or (np.diff(spans, axis=0) < 0).any():
        raise ValueError(
            f"panels[{heading!r}] holds {spans.min():g}; expected values of at least 0, or 0 <= low <= middle <= high"
        )
    return spans


def _ends(
    spans: Mapping[str, NDArray[np.float64]], units: Mapping[str, str], limits: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """Where the axis of each unit ends."""
    if unknown := set(limits) - set(units.values()):
        raise ValueError(f"limits are given for {sorted(unknown)}; expected units: {sorted(set(units.values()))}")
    found = {}
    for unit in units.values():
        longest = max(spans[heading].max() for heading in spans if units[heading] == unit)
        given = [end for ending, end in WHOLE.items() if unit.endswith(ending)]
        if unit in limits:
            start, end = _checks.limits(f"limits of {unit!r}", limits[unit])
            if start != 0:
                raise ValueError(f"limits of {unit!r} start at {start:g}; expected 0, where bars start")
            given = [end]
        if given and longest > given[0]:
            raise ValueError(
                f"a bar is {longest:g} long and the axis of {unit!r} ends at {given[0]:g}; expected limits that hold it"
            )
        found[unit] = given[0] if given else 1.15 * longest or 1.0
    return found


def _short(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
