"""Small maps, such as one number for each unit of a feature map, as colours with the numbers written in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from course_lib.viz import _checks
from course_lib.viz.layout import LEGEND_POINTS, NOTE_POINTS, blank, put_title, wrapped

MOST_PANELS, LONGEST_SIDE, MOST_DIGITS = 4, 14, 4


def heatmaps(
    panels: Mapping[str, np.ndarray],
    *,
    title: str,
    cell: str = "{:.2f}",
    unit: str | Mapping[str, str] | None = None,
) -> Figure:
    """Maps (H, W) side by side under their headings. Maps of one unit have the same colours for the same numbers.

    ``unit`` is that of all, or ``{heading: unit}``; a map without one has its own colours, from its smallest to its
    largest value. ``cell`` formats the number in each place.

    Raises ValueError for a map that is not (H, W) or too large to hold numbers, values that are not finite, numbers too
    long for their place, more than four maps, or none.
    """
    _checks.not_empty("panels", panels)
    if len(panels) > MOST_PANELS:
        raise ValueError(f"panels has {len(panels)} maps; expected at most {MOST_PANELS} side by side")
    maps = {heading: _checked(heading, values) for heading, values in panels.items()}
    units = _checks.units(panels, unit)
    height, width = (max(values.shape[side] for values in maps.values()) for side in (0, 1))
    place = 0.4  # inches: four digits fit
    captions = [wrapped(heading, max(place * width, 1.6), LEGEND_POINTS) for heading in maps]
    above = 0.1 + 0.16 * max(caption.count("\n") + 1 for caption in captions)
    figure = blank(max(len(maps) * (max(place * width, 1.6) + 0.15), 5.0), place * height + above + 0.65)
    axes = figure.subplots(1, len(maps), squeeze=False).ravel()
    for axis, caption, (heading, values) in zip(axes, captions, maps.items(), strict=True):
        alike = np.concatenate([maps[other].ravel() for other in maps if units[other] == units[heading]])
        middle = (alike.min() + alike.max()) / 2
        axis.imshow(values, cmap="viridis", vmin=alike.min(), vmax=alike.max())
        axis.axis("off")
        axis.set_title(caption, fontsize=LEGEND_POINTS, pad=4)
        for (row, column), value in np.ndenumerate(values):
            text = cell.format(value)
            if len(text) > MOST_DIGITS:
                raise ValueError(f"cell writes {text!r}; expected at most {MOST_DIGITS} characters in a place")
            colour = "black" if value > middle else "white"
            axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=NOTE_POINTS)
    put_title(figure, title)
    return figure


def _checked(heading: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2 or not all(1 <= side <= LONGEST_SIDE for side in values.shape):
        raise ValueError(
            f"panels[{heading!r}] has shape {values.shape}; expected (H, W) of 1 to {LONGEST_SIDE} places a side"
        )
    return _checks.finite(f"panels[{heading!r}]", values.ravel()).reshape(values.shape)
