"""Every pair is counted, and what is compared is counted in the same bins, over the same axes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from figure_examples import pairs
from matplotlib.figure import Figure

from course_lib import viz

SCORES, SAME = pairs(10)


def with_nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array[3] = np.nan
    return array


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_score_histogram_counts_every_pair_of_each_kind() -> None:
    scores, same = pairs(600)
    same[:100] = False
    figure = viz.score_histogram(scores, same, title="T", threshold=0.3, marked={"mine": 0.7, "yours": 0.1})
    (axis,) = figure.axes
    impostor, genuine = axis.containers
    assert sum(bar.get_height() for bar in impostor) == np.sum(~same)
    assert sum(bar.get_height() for bar in genuine) == np.sum(same)
    below = sum(bar.get_height() for bar in genuine if bar.get_x() + bar.get_width() <= 0.3)
    assert below <= np.sum(scores[same] < 0.3)
    assert impostor[0].get_hatch() and not genuine[0].get_hatch()  # told apart without colour too
    threshold, *pins = axis.get_lines()
    assert set(threshold.get_xdata()) == {0.3}
    assert [set(pin.get_xdata()) for pin in pins] == [{0.7}, {0.1}]
    assert pins[0].get_marker() != pins[1].get_marker()
    assert legend_texts(figure) == ["impostor pairs", "genuine pairs", "threshold 0.30", "mine", "yours"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("cosine score", "pairs")


def test_score_histogram_of_a_collapsed_model_and_of_one_kind_of_pair() -> None:
    figure = viz.score_histogram(np.ones(8), np.ones(8, dtype=bool), title="All pairs score one")
    assert sum(bar.get_height() for bars in figure.axes[0].containers for bar in bars) == 8


def test_genuine_and_impostor_pairs_have_the_same_bins() -> None:
    (axis,) = viz.score_histogram(*pairs(), title="T").axes
    impostor, genuine = ([(bar.get_x(), bar.get_width()) for bar in bars] for bars in axis.containers)
    assert impostor == genuine


@pytest.mark.parametrize("n", [4, 6, 600])
def test_pairs_are_counted_in_whole_numbers(n: int) -> None:
    (axis,) = viz.score_histogram(*pairs(n), title="T").axes
    assert np.array_equal(axis.get_yticks(), np.round(axis.get_yticks()))


def test_histograms_that_are_compared_share_bins_and_axes() -> None:
    scores, same = pairs(600)
    panels = {"narrow": (scores / 9, same), "wide": (2 * scores[:100], same[:100])}
    figure = viz.score_histograms(panels, title="T", thresholds={"wide": 0.4})
    narrow, wide = figure.axes
    edges = [[(bar.get_x(), bar.get_width()) for bar in bars] for axis in figure.axes for bars in axis.containers]
    assert len(edges) == 4 and all(bins == edges[0] for bins in edges)
    assert narrow.get_xlim() == wide.get_xlim() and narrow.get_ylim() == wide.get_ylim()
    for axis, (_, kinds) in zip(figure.axes, panels.values(), strict=True):
        counted = [sum(bar.get_height() for bar in bars) for bars in axis.containers]
        assert counted == [np.sum(~kinds), np.sum(kinds)]
    assert not narrow.get_lines() and set(wide.get_lines()[0].get_xdata()) == {0.4}
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["narrow", "wide"]
    assert legend_texts(figure) == ["impostor pairs", "genuine pairs", "threshold 0.40"]


REFUSED: list[tuple[Callable[[], Figure], type[Exception], str]] = [
    (lambda: viz.score_histogram(with_nan(SCORES), SAME, title="T"), ValueError, "scores holds nan at index 3"),
    (lambda: viz.score_histogram(SCORES, SAME[:-1], title="T"), ValueError, "same has 9 .* expected 10, .* of scores"),
    (lambda: viz.score_histogram(SCORES, SAME.astype(int), title="T"), TypeError, "same is int64; expected booleans"),
    (lambda: viz.score_histogram(SCORES[:0], SAME[:0], title="T"), ValueError, "scores: there is nothing to draw"),
    (lambda: viz.score_histogram(SCORES, SAME, title="T", threshold=np.inf), ValueError, "threshold is inf"),
    (lambda: viz.score_histogram(SCORES, SAME, title="T", marked={"me": np.nan}), ValueError, r"marked\['me'\] is nan"),
    (lambda: viz.score_histograms({}, title="T"), ValueError, "panels: there is nothing to draw"),
    (
        lambda: viz.score_histograms({"a": (SCORES, SAME)}, title="T", thresholds={"b": 0.1}),
        ValueError,
        r"thresholds are given for \['b'\]",
    ),
]


@pytest.mark.parametrize(("draw", "error", "words"), REFUSED, ids=[words for _, _, words in REFUSED])
def test_what_cannot_be_drawn_whole_is_refused(draw: Callable[[], Figure], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        draw()
