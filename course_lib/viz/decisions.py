"""What a threshold decides: the scores on either side of it, and the confusion matrix of the decisions."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from course_lib.evaluation import Confusion, confusion
from course_lib.viz.histograms import score_histogram
from course_lib.viz.layout import LABEL_POINTS
from course_lib.viz.style import COLOURS


def decisions(scores: ArrayLike, same: ArrayLike, threshold: float, *, title: str) -> Figure:
    """Scores (P,) of genuine and impostor pairs, cut by a threshold, beside the confusion matrix of the cut.

    A pair is accepted when its score is at least the threshold. Each place of the matrix has its count, its share of
    the row, and a colour that grows with it; errors are orange. Errors are those of ``score_histogram`` and
    ``evaluation.confusion``.
    """
    scores, same = np.asarray(scores), np.asarray(same)
    counted = confusion(scores, same, threshold)
    figure = score_histogram(scores, same, title=title, threshold=threshold)
    figure.set_size_inches(9.5, 4)
    grid = figure.add_gridspec(1, 2, width_ratios=(5, 3))
    figure.axes[0].set_subplotspec(grid[0])
    _draw(figure.add_subplot(grid[1]), counted)
    return figure


def _draw(axis: Axes, counted: Confusion) -> None:
    """Genuine pairs above, impostor pairs below; accepted ones on the left."""
    rows = ((counted.tp, counted.fn), (counted.fp, counted.tn))
    for row, counts in enumerate(rows):
        for column, count in enumerate(counts):
            share, colour = count / sum(counts), COLOURS[0] if row == column else COLOURS[1]
            axis.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, alpha=0.1 + 0.6 * share, edgecolor="white"))
            text = f"{count:,}\n{100 * share:.1f} %"
            axis.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=LABEL_POINTS)
    axis.set(xlim=(0, 2), ylim=(2, 0), aspect="equal")
    axis.set_xticks([0.5, 1.5], ["accepted", "rejected"])
    axis.set_yticks([0.5, 1.5], ["genuine", "impostor"], rotation=90, va="center")
    axis.set(xlabel="decision, and its share of the row", ylabel="pair")
    axis.tick_params(length=0, labelsize=LABEL_POINTS)
    axis.spines[:].set_visible(False)
