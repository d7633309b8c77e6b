"""What all diagrams are drawn with: boxes, circles and arrows on a plane measured in inches, with y downwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyBboxPatch

from course_lib.viz.layout import LEGEND_POINTS, NOTE_POINTS, TITLE_POINTS, put_title, wrapped

EDGE, INK, QUIET = "#444444", "#000000", "#444444"
PILE = 0.08  # inches that a pile reaches out below and to the right of its first box
LINE = 1.35 / 72  # inches between the baselines of two lines, for each point of the font's size


class Diagram(NamedTuple):
    """A figure and the words that say the same: ``viz.show(*viz.network_diagram("mobilefacenet", title="..."))``."""

    figure: Figure
    alt: str


class Line(NamedTuple):
    """One line of text in a box."""

    text: str
    points: float = NOTE_POINTS
    weight: str = "normal"


def canvas(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """A figure with ``width`` times ``height`` inches to draw on, below its title."""
    lines = wrapped(title, width, TITLE_POINTS).count("\n") + 1
    total = (height + 0.1 + lines * TITLE_POINTS * LINE) / 0.98  # the title hangs 2 % below the edge
    figure = Figure(figsize=(width, total))
    axis = figure.add_axes((0, 0, 1, height / total))
    axis.set(xlim=(0, width), ylim=(height, 0))
    axis.axis("off")
    put_title(figure, title)
    return figure, axis


def text_lines(name: str, notes: Sequence[str], width: float) -> list[Line]:
    """A name and the notes below it, wrapped to a box of ``width`` inches."""
    named = [Line(line, LEGEND_POINTS) for line in wrapped(name, width, LEGEND_POINTS).split("\n")]
    return named + [Line(line) for note in notes for line in wrapped(note, width, NOTE_POINTS).split("\n")]


def height_of(lines: Sequence[Line]) -> float:
    """How high a box is that holds these lines."""
    return 0.12 + sum(line.points for line in lines) * LINE


def box(axis: Axes, left: float, top: float, width: float, lines: Sequence[Line], tint: str, copies: int = 1) -> float:
    """Draw a box around lines of text, as a pile where it stands for several; returns the y of the lowest edge."""
    height = height_of(lines)
    pile = (PILE, PILE / 2) if copies > 1 else ()
    for shift in pile:
        _rounded(axis, left + shift, top + shift, width, height, tint)
    _rounded(axis, left, top, width, height, tint)
    y = top + 0.06
    for line in lines:
        y += line.points * LINE
        middle = y - line.points * LINE / 2
        look = {"fontsize": line.points, "fontweight": line.weight, "color": INK}
        axis.text(left + width / 2, middle, line.text, ha="center", va="center_baseline", **look)
    return top + height + max(pile, default=0)


def circle(axis: Axes, x: float, y: float, diameter: float, sign: str) -> None:
    """Draw an operation on two inputs as its sign in a circle around (x, y)."""
    axis.add_patch(Ellipse((x, y), diameter, diameter, facecolor="white", edgecolor=EDGE, linewidth=1.2, zorder=2))
    axis.text(x, y, sign, ha="center", va="center_baseline", fontsize=LEGEND_POINTS + 2, color=INK)


def arrow(axis: Axes, *points: tuple[float, float]) -> None:
    """Draw a line through points with a head at the last."""
    if len(points) > 2:
        x, y = zip(*points[:-1], strict=True)
        axis.plot(x, y, color=EDGE, linewidth=1.2, solid_joinstyle="round", zorder=1)
    head = {"arrowstyle": "-|>,head_width=0.18,head_length=0.36", "color": EDGE, "linewidth": 1.2}
    axis.annotate("", points[-1], points[-2], arrowprops=head | {"shrinkA": 0, "shrinkB": 0}, zorder=1)


def note(axis: Axes, x: float, y: float, text: str, side: str = "left", **look: object) -> None:
    """Write beside an arrow, bars or boxes; ``side`` is the edge of the text that lies at x."""
    look = {"fontsize": NOTE_POINTS, "color": QUIET} | look
    axis.text(x, y, text, ha=side, va="center_baseline", **look)


def _rounded(axis: Axes, left: float, top: float, width: float, height: float, tint: str) -> None:
    style = "round,pad=0,rounding_size=0.06"
    look = {"facecolor": tint, "edgecolor": EDGE, "linewidth": 0.9, "zorder": 2}
    axis.add_patch(FancyBboxPatch((left, top), width, height, boxstyle=style, **look))
