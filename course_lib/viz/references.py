"""Reference values, lines without markers, and names beside points: what a figure's text speaks of is in the figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from course_lib.viz import _checks
from course_lib.viz.layout import NOTE_POINTS

Value = float | tuple[float, float, float]
DASHES = ("--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)))
GREY = "#555555"
# Where a name may stand: the offset from its point, in points, and the side of the text that faces it.
PLACES = (
    (6, 5, "left", "bottom"),
    (-6, 5, "right", "bottom"),
    (6, -5, "left", "top"),
    (-6, -5, "right", "top"),
    (0, 9, "center", "bottom"),
    (0, -9, "center", "top"),
    (16, 16, "left", "bottom"),
    (-16, 16, "right", "bottom"),
    (16, -16, "left", "top"),
    (-16, -16, "right", "top"),
)
NEAR = 9  # points: a name further from its point needs a line to it


def put_references(axis: Axes, references: Mapping[str, Value], *, upright: bool = False, first: int = 0) -> None:
    """A dashed line without markers for each value, named in the legend; its interval (low, middle, high) is shaded.

    The lines lie level, over y; ``upright`` ones stand over x. ``first`` is the number of the first one's dashes.
    """
    line, span = (axis.axvline, axis.axvspan) if upright else (axis.axhline, axis.axhspan)
    for number, (name, value) in enumerate(references.items(), first):
        low, middle, high = _checks.interval(f"references[{name!r}]", value)
        line(middle, color=GREY, linestyle=DASHES[number % len(DASHES)], linewidth=1.3, label=name, zorder=1.5)
        if low < high:
            span(low, high, color=GREY, alpha=0.12, linewidth=0, zorder=0.5)


def put_names(axis: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """A ring around each point (x, y) and its name beside it, where it hides least. Call it when all else is placed.

    A name that finds no room beside its ring stands further away, at the end of a thin line.

    Raises ValueError for a point outside the axes.
    """
    if not points:
        return
    axis.figure.draw_without_rendering()  # only then is it known where points lie
    axis.autoscale(False)
    window = Bbox(_in_points(axis, axis.bbox.get_points()))
    obstacles, taken = _drawn(axis), []
    for name, (x, y) in points.items():
        place = _in_points(axis, axis.transData.transform((x, y)))
        if not window.padded(1).contains(*place):
            raise ValueError(f"the point {name!r} is at {x:g}, {y:g}; expected one inside the axes")
        boxes = [_box(name, place, *where) for where in PLACES]
        best = int(np.argmin([_hidden(box, window, taken, obstacles) for box in boxes]))
        right, up, across, along = PLACES[best]
        look = {"textcoords": "offset points", "ha": across, "va": along, "fontsize": NOTE_POINTS, "zorder": 6}
        axis.scatter([x], [y], s=70, facecolors="none", edgecolors="black", linewidths=1, zorder=5)
        if abs(right) > NEAR:
            look["arrowprops"] = {"arrowstyle": "-", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 5}
        note = axis.annotate(name, (x, y), (right, up), **look)
        note.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
        taken.append(boxes[best])


def _in_points(axis: Axes, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(pixels) * 72 / axis.figure.dpi


def _drawn(axis: Axes) -> np.ndarray:
    """Places (N, 2), in points, that lines lead over and dots stand on: what a name should not hide."""
    paths = [line.get_transform().transform(line.get_xydata()) for line in axis.lines]
    dots = [np.empty((0, 2))]
    for drawn in axis.collections:
        if isinstance(drawn, LineCollection):
            paths += [axis.transData.transform(segment) for segment in drawn.get_segments()]
        elif isinstance(drawn, PathCollection):
            dots.append(_in_points(axis, axis.transData.transform(drawn.get_offsets())))
    for path in paths:
        corners = _in_points(axis, path)
        for start, end in zip(corners[:-1], corners[1:], strict=True):
            if np.isfinite([start, end]).all():  # a break has none
                dots.append(np.linspace(start, end, int(np.clip(np.hypot(*(end - start)) // 3, 1, 400)) + 1))
    return np.concatenate(dots)


def _box(name: str, place: np.ndarray, right: float, up: float, across: str, along: str) -> Bbox:
    """Where a name would stand: a letter is about half as wide as its font is high."""
    width, height = 0.58 * NOTE_POINTS * len(name), 1.2 * NOTE_POINTS
    left = place[0] + right - {"left": 0, "center": width / 2, "right": width}[across]
    bottom = place[1] + up - {"bottom": 0, "top": height}[along]
    return Bbox.from_bounds(left, bottom, width, height)


def _hidden(box: Bbox, window: Bbox, taken: list[Bbox], obstacles: np.ndarray) -> float:
    """How bad a place is: outside the axes and over another name are worst, then over what is drawn."""
    outside = box.x0 < window.x0 or box.y0 < window.y0 or box.x1 > window.x1 or box.y1 > window.y1
    covered = (((box.x0, box.y0) <= obstacles) & (obstacles <= (box.x1, box.y1))).all(axis=1).sum()
    return 10_000 * outside + 1_000 * sum(box.overlaps(other) for other in taken) + int(covered)
