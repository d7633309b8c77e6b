"""Estimates with their intervals, one below the other, to be compared with each other or with a value."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from course_lib.viz import _checks
from course_lib.viz.layout import LABEL_POINTS, blank, put_labels, put_legend_below, put_title, wrapped
from course_lib.viz.references import Value, put_references
from course_lib.viz.style import class_style


def estimates(
    found: Mapping[str, tuple[float, float, float]],
    *,
    title: str,
    xlabel: str,
    references: Mapping[str, Value] | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """A dot with its interval for each entry of ``{name: (low, middle, high)}``.

    ``references`` are dashed lines ``{name: x}`` to compare with, such as what was promised; ``limits`` those of the x
    axis, which figures that are to be compared share. Raises ValueError for nothing, values that are not finite, or an
    estimate outside its interval.
    """
    _checks.not_empty("found", found)
    figure = blank(7, 0.5 * len(found) + (1.6 if references else 1.2))
    axis = figure.subplots()
    for row, (name, values) in enumerate(found.items()):
        low, middle, high = _checks.interval(f"found[{name!r}]", tuple(values))
        style = class_style(row)
        axis.plot([low, high], [row, row], color=style["color"], linewidth=2)
        axis.plot([middle], [row], markersize=8, **style)
    put_references(axis, references or {}, upright=True)
    if limits is not None:
        axis.set_xlim(*_checks.limits("limits", limits))
    axis.set(
        ylim=(len(found) - 0.5, -0.5),
        yticks=range(len(found)),
        yticklabels=[wrapped(name, 2.2, LABEL_POINTS) for name in found],
    )
    put_labels(axis, xlabel, "")
    axis.grid(visible=False, axis="y")
    if references:
        put_legend_below(axis)
    put_title(figure, title)
    return figure
