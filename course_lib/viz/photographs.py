"""Photographs with what was found in them, and the levels of an image pyramid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_lib.viz import _checks
from course_lib.viz.layout import LEGEND_POINTS, NOTE_POINTS, blank, put_credit, put_title, wrapped
from course_lib.viz.style import MARKERS

SQUARE_INCHES = 20  # of photographs in a figure: they hardly compress, and these take 130 kB
BOX_COLOUR = "#56B4E9"
CROWD = 30  # boxes: from here on their lines are thin, or they would hide what they surround
POINT_COLOURS = ("#E69F00", "#56B4E9", "#D55E00")  # light enough for skin in shadow, dark enough for white


@dataclass(frozen=True, eq=False)
class Annotated:
    """An image and what to draw on it.

    Attributes:
        image: uint8 (H, W) or (H, W, 3).
        boxes: (N, 4): left, top, right, bottom in pixels.
        points: arrays (..., 2) of x and y in pixels, by what they are; each kind has its marker in the legend.
        labels: what stands over each box, none or one a box; None, such as a stranger's name, draws it dashed.
    """

    image: np.ndarray
    boxes: np.ndarray = field(default_factory=lambda: np.empty((0, 4)))
    points: Mapping[str, np.ndarray] = field(default_factory=dict)
    labels: Sequence[str | None] = ()

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        marks = f"{len(self.boxes)} boxes, {sum(np.asarray(p).size // 2 for p in self.points.values())} points"
        return f"Annotated({height}x{width}, {marks})"


def annotated(
    panels: Mapping[str, Annotated], *, title: str, columns: int = 4, cell: float = 2.4, credit: str = ""
) -> Figure:
    """Images under their captions with boxes and points drawn on them; ``cell`` is the largest width, in inches."""
    _checks.not_empty("panels", panels)
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    aspect = max(panel.image.shape[0] / panel.image.shape[1] for panel in panels.values())
    cell = min(cell, (SQUARE_INCHES / (len(panels) * aspect)) ** 0.5)
    captions = [wrapped(caption, cell, LEGEND_POINTS) for caption in panels]
    above = 0.1 + 0.16 * max(caption.count("\n") + 1 for caption in captions)
    kinds = list(dict.fromkeys(kind for panel in panels.values() for kind in panel.points))
    below = (0.3 if kinds else 0) + (0.2 if credit else 0)
    figure = blank(max(columns * cell, 4.0), rows * (cell * aspect + above) + 0.35 + below)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, caption, panel in zip(axes, captions, panels.values(), strict=False):
        _draw(axis, panel, kinds)
        axis.set_title(caption, fontsize=LEGEND_POINTS, pad=3)
    put_title(figure, title)
    if kinds:
        note = wrapped(credit, figure.get_figwidth(), NOTE_POINTS)
        handles = [axes[0].plot([], [], **_marker(kinds.index(kind)), label=kind)[0] for kind in kinds]
        look = {"frameon": False, "title_fontproperties": {"size": NOTE_POINTS}, "fontsize": LEGEND_POINTS}
        figure.legend(handles=handles, loc="outside lower center", ncols=len(kinds), title=note or None, **look)
    else:
        put_credit(figure, credit)
    return figure


def pyramid(levels: Sequence[np.ndarray], *, title: str, credit: str = "", width: float = 9.0) -> Figure:
    """Images uint8 (H, W[, 3]) at one scale, over their sizes; the first takes at most half of ``width``."""
    _checks.not_empty("levels", levels)
    widths = [level.shape[1] for level in levels]
    per_inch = max(sum(widths) / (width - 0.15 * len(levels)), 2 * max(widths) / width)
    tallest = max(level.shape[0] for level in levels)
    figure = blank(width, tallest / per_inch + 0.7 + (0.2 if credit else 0))
    axes = figure.subplots(1, len(levels), squeeze=False, width_ratios=widths)[0]
    for axis, level in zip(axes, levels, strict=True):
        axis.imshow(level, cmap="gray", vmin=0, vmax=255)
        axis.set(ylim=(level.shape[0] - 0.5, level.shape[0] - tallest - 0.5))  # all stand on one line
        axis.axis("off")
        size = f"{level.shape[0]}x{level.shape[1]}" if level.shape[1] / per_inch > 0.45 else ""  # where there is room
        axis.text(
            level.shape[1] / 2, level.shape[0] + 0.02 * tallest, size, ha="center", va="top", fontsize=NOTE_POINTS
        )
    put_title(figure, title)
    put_credit(figure, credit)
    return figure


def _draw(axis: Axes, panel: Annotated, kinds: list[str]) -> None:
    height, width = panel.image.shape[:2]
    axis.imshow(panel.image, cmap="gray", vmin=0, vmax=255)
    labels = panel.labels or [""] * len(panel.boxes)
    _checks.same_length("labels", labels, "boxes", len(panel.boxes))
    boxes = _checks.finite("boxes", panel.boxes.ravel()).reshape(-1, 4)
    width_of_line = 0.5 if len(boxes) > CROWD else 1.2
    for (left, top, right, bottom), label in zip(boxes, labels, strict=True):
        look = {"edgecolor": POINT_COLOURS[0], "linestyle": "--"} if label is None else {"edgecolor": BOX_COLOUR}
        axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, linewidth=width_of_line, **look))
        if label:
            note = {"color": "black", "fontsize": NOTE_POINTS, "ha": "center", "va": "bottom"}
            paper = {"facecolor": BOX_COLOUR, "edgecolor": "none", "pad": 1}
            axis.text((left + right) / 2, top, label, **note, bbox=paper)
    for kind, points in panel.points.items():
        x, y = _checks.finite(f"points {kind!r}", np.asarray(points).ravel()).reshape(-1, 2).T
        axis.plot(x, y, **_marker(kinds.index(kind)))
    axis.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def _marker(index: int) -> dict[str, object]:
    """Hollow, so that what lies under it is seen."""
    return {
        "linestyle": "",
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 6,
        "markerfacecolor": "none",
        "markeredgecolor": POINT_COLOURS[index % len(POINT_COLOURS)],
        "markeredgewidth": 1.5,
    }
