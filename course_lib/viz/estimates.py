"""Estimates with their intervals, one below the other, to be compared with each other or with a value."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from course_lib.viz import _checks
from course_lib.viz.layout import LABEL_POINTS, blank, put_labels, put_title, wrapped
from course_lib.viz.style import class_style


def estimates(
    found: Mapping[str, tuple[float, float, float]], *, title: str, xlabel: str, mark: float | None = None
) -> Figure:
    """A dot with its interval for each entry of ``{name: (low, middle, high)}``; ``mark`` is a dashed line, such as 0.

    Raises ValueError for nothing, values that are not finite, or an estimate outside its interval.
    """
    _checks.not_empty("found", found)
    figure = blank(7, 0.5 * len(found) + 1.2)
    axis = figure.subplots()
    for row, (name, values) in enumerate(found.items()):
        low, middle, high = _checks.finite(f"found[{name!r}]", values)
        if not low <= middle <= high:
            raise ValueError(f"found[{name!r}] is {middle:g} in {low:g} to {high:g}; expected (low, middle, high)")
        style = class_style(row)
        axis.plot([low, high], [row, row], color=style["color"], linewidth=2)
        axis.plot([middle], [row], markersize=8, **style)
    if mark is not None:
        axis.axvline(_checks.number("mark", mark), color="#555555", linestyle="--", linewidth=1, zorder=0)
    axis.set(
        ylim=(len(found) - 0.5, -0.5),
        yticks=range(len(found)),
        yticklabels=[wrapped(name, 2.2, LABEL_POINTS) for name in found],
    )
    put_labels(axis, xlabel, "")
    axis.grid(visible=False, axis="y")
    put_title(figure, title)
    return figure
