"""What something is worth against what it costs, one panel a kind of cost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from matplotlib.figure import Figure

from course_lib.viz import _checks
from course_lib.viz.layout import panels_beside_legend, put_labels, put_legend_right, put_title
from course_lib.viz.references import Value, put_names, put_references
from course_lib.viz.style import class_style


def trade_off(
    costs: Mapping[str, Mapping[str, float]],
    quality: Mapping[str, tuple[float, float, float]],
    groups: Mapping[str, Sequence[str]],
    *,
    title: str,
    ylabel: str,
    references: Mapping[str, Value] | None = None,
    named: Collection[str] = (),
) -> Figure:
    """A dot with its interval for each name, over its cost on a logarithmic axis, one panel a kind of cost.

    Args:
        costs: ``{kind of cost: {name: cost above 0}}``.
        quality: ``{name: (low, middle, high)}`` of the same names.
        groups: ``{group: its names}``, drawn in one colour and marker; every name belongs to exactly one.
        references: ``{name: quality}`` for dashed lines, such as what is had at no cost.
        named: those of the names that stand beside their dots, since the text speaks of them.

    Raises ValueError when names differ, or what is given cannot be drawn.
    """
    _checks.not_empty("costs", costs)
    grouped = [name for names in groups.values() for name in names]
    for given, names in {**{f"costs[{kind!r}]": list(cost) for kind, cost in costs.items()}, "groups": grouped}.items():
        if sorted(names) != sorted(quality):
            raise ValueError(f"{given} names {sorted(names)}; expected those of quality, once each: {sorted(quality)}")
    if unknown := set(named) - set(quality):
        raise ValueError(f"named are {sorted(unknown)}; expected names of quality: {sorted(quality)}")
    figure, axes = panels_beside_legend(len(costs), [*groups, *(references or {})])
    for axis, (kind, cost) in zip(axes, costs.items(), strict=True):
        for number, (group, names) in enumerate(groups.items()):
            style = class_style(number)
            x = _checks.finite(f"costs[{kind!r}]", [cost[name] for name in names], positive=True)
            low, middle, high = (
                _checks.finite(f"quality of {group!r}", [quality[name][part] for name in names]) for part in range(3)
            )
            axis.vlines(x, low, high, color=style["color"], alpha=0.4, linewidth=1.5)
            axis.scatter(x, middle, s=40, label=group, zorder=3, **style)
        put_references(axis, references or {})
        axis.set_xscale("log")
        put_labels(axis, kind, ylabel if axis is axes[0] else "")
    put_legend_right(axes)
    put_title(figure, title)
    for axis, cost in zip(axes, costs.values(), strict=True):
        put_names(axis, {name: (cost[name], quality[name][1]) for name in named})
    return figure
