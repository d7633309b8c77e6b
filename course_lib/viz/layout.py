"""How titles, labels, legends and panels are laid out in every figure: no text is cut off and none hides data."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

TITLE_POINTS, LABEL_POINTS, LEGEND_POINTS, NOTE_POINTS = 12, 10, 9, 8


def characters(inches: float, points: float) -> int:
    """How many characters of ordinary text fit a width: a letter is half as wide as its font is high, and a bit."""
    return max(int(inches * 72 / (0.57 * points)), 4)


def wrapped(text: str, inches: float, points: float) -> str:
    """``text`` in as many lines as a width asks for; its own line breaks stay."""
    return "\n".join(textwrap.fill(line, characters(inches, points)) for line in text.split("\n"))


def blank(width: float, height: float) -> Figure:
    """An empty figure, in inches, that finds places for its own labels."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    return figure


def put_title(figure: Figure, title: str) -> None:
    """A title over the whole figure, wrapped to its width."""
    if not title.strip():
        raise ValueError("title is empty; expected a line that states what the figure shows")
    figure.suptitle(wrapped(title, figure.get_figwidth(), TITLE_POINTS), fontsize=TITLE_POINTS)


def put_credit(figure: Figure, credit: str) -> None:
    """Whom the photographs are owed to, below the figure; nothing where ``credit`` is empty."""
    if credit:
        figure.supxlabel(wrapped(credit, figure.get_figwidth(), NOTE_POINTS), fontsize=NOTE_POINTS, color="#555555")


def put_labels(axis: Axes, x: str, y: str) -> None:
    """The labels of both axes, wrapped to their lengths, over a light grid and with no frame above and to the right."""
    width, height = axis.figure.get_size_inches()
    axis.set_xlabel(wrapped(x, axis.get_position().width * width, LABEL_POINTS))
    axis.set_ylabel(wrapped(y, 0.65 * height, LABEL_POINTS))
    axis.set_axisbelow(True)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)


def whole_ticks(side: Axis, values: np.ndarray) -> None:
    """No tick between two whole numbers where all ``values`` are whole: there is no epoch 2.5 and no half a pair."""
    if side.get_scale() == "linear" and np.array_equal(values, np.round(values)):
        side.set_major_locator(MaxNLocator(integer=True))


def put_legend_below(*axes: Axes) -> None:
    """One legend for all ``axes`` under them, where it hides no data, in as many columns as there is room for."""
    figure = axes[0].figure
    named = {text: handle for axis in axes for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    entries = sorted(named.items(), key=lambda entry: isinstance(entry[1], Line2D))  # bars come before lines
    texts, handles = zip(*entries, strict=True)
    widest = max(map(len, texts)) + 8  # with the handle, and the gap to the next column
    columns = max(characters(figure.get_figwidth(), LEGEND_POINTS) // widest, 1)
    rows = -(-len(texts) // columns)
    columns = -(-len(texts) // rows)  # as even as they can be
    figure.legend(handles, texts, loc="outside lower center", ncols=columns, fontsize=LEGEND_POINTS, frameon=False)


def panels_beside_legend(n_panels: int, texts: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """A figure of square panels, at most three a row, with room on the right for a legend of ``texts``."""
    per_row = 2 if n_panels == 4 else min(n_panels, 3)
    rows = -(-n_panels // per_row)
    side = 4.4 if per_row < 3 else 3.4  # inches
    height = rows * side + 0.4
    column = 0.45 + max(map(len, texts)) * 0.6 * LEGEND_POINTS / 72
    figure = blank(per_row * (side + 0.1) + column * _legend_columns(texts, height), height)
    axes = list(figure.subplots(rows, per_row, squeeze=False).flat)
    for axis in axes[n_panels:]:
        axis.remove()
    return figure, axes[:n_panels]


def put_legend_right(axes: Sequence[Axes]) -> None:
    """One legend for all ``axes`` on the right; what several of them show is named once."""
    entries = {text: handle for axis in axes for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure = axes[0].figure
    legend = figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside right center",
        ncols=_legend_columns(list(entries), figure.get_figheight()),
        fontsize=LEGEND_POINTS,
        frameon=False,
    )
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set(alpha=1, sizes=[32])  # plain to see, however small and pale the points are


def _legend_columns(texts: Sequence[str], height: float) -> int:
    rows = int(height * 72 / (1.8 * LEGEND_POINTS))
    return -(-len(texts) // rows)


def square_window(axis: Axes, points: np.ndarray) -> None:
    """Show the square that just holds ``points`` (N, 2), with one unit as long across as up."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    reach = 0.54 * np.ptp(points, axis=0).max() or 1.0  # points that all coincide get a window too
    axis.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach), aspect="equal")
