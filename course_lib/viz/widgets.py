"""Widgets: a slider around one figure function, nothing more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from course_lib.viz.show import png

if TYPE_CHECKING:
    import ipywidgets


def slider(render: Callable[[Any], Figure], values: Sequence[Any], *, label: str, start: Any = None) -> ipywidgets.VBox:
    """A slider over ``values`` above the figure ``render(value)``; each is drawn once, when it is first asked for.

    ``start`` is the value shown first, by default the first of them. Raises ValueError for fewer than two values, or a
    start that is none of them.
    """
    import ipywidgets

    if len(values) < 2:
        raise ValueError(f"values has {len(values)} entries; expected at least two to slide between")
    start = values[0] if start is None else start
    if start not in values:
        raise ValueError(f"start is {start!r}; expected one of the values: {', '.join(map(str, values))}")
    draw = cache(lambda value: png(render(value), dpi=90))
    handle = ipywidgets.SelectionSlider(
        options=[(str(value), value) for value in values],
        value=start,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "480px"},
    )
    picture = ipywidgets.Image(value=draw(start), format="png")
    picture.layout.max_width = "100%"

    def update(change: dict[str, Any]) -> None:
        picture.value = draw(change["new"])

    handle.observe(update, names="value")
    # A box stretches what it holds; at its own size the picture stays sharp.
    return ipywidgets.VBox([handle, picture], layout={"align_items": "flex-start"})
