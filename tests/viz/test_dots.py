"""Categories are rows of dots: nothing is drawn from one row to the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib import viz

LAYERS = ["stem", "body", "head"]
SERIES = {"own": [1, 20, 300], "shared": [1, 2, 3]}
AXES = {"title": "T", "xlabel": "parameters"}


def test_each_category_is_a_row_of_dots_and_the_first_stands_on_top() -> None:
    figure = viz.dots(SERIES, LAYERS, **AXES)
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == LAYERS and axis.yaxis_inverted()
    for line, values in zip(axis.get_lines(), SERIES.values(), strict=True):
        x, y = line.get_data()
        assert x.tolist() == values and np.round(y).tolist() == [0, 1, 2]
        assert line.get_linestyle() == "None" and line.get_marker() != "None"
    one, other = (line.get_ydata() for line in axis.get_lines())
    assert (one != other).all()  # equal values are both seen
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["own", "shared"]


def test_counts_have_whole_ticks() -> None:
    (counts,) = viz.dots({"a": [1, 2, 2]}, LAYERS, **AXES).axes
    assert np.array_equal(counts.get_xticks(), np.round(counts.get_xticks()))
    (shares,) = viz.dots({"a": [1, 2, 2.5]}, LAYERS, **AXES).axes
    assert not np.array_equal(shares.get_xticks(), np.round(shares.get_xticks()))


def test_intervals_lie_in_their_row_and_references_stand_across_all() -> None:
    intervals = {"own": ([0.5, 10, 200], [2, 30, 400])}
    figure = viz.dots(SERIES, LAYERS, intervals=intervals, references={"a budget": (80, 100, 120)}, log_x=True, **AXES)
    (axis,) = figure.axes
    assert axis.get_xscale() == "log"
    drawn = np.array(axis.collections[0].get_segments())
    assert drawn[:, :, 0].tolist() == [[0.5, 2], [10, 30], [200, 400]]
    assert (drawn[:, 0, 1] == drawn[:, 1, 1]).all() and np.round(drawn[:, 0, 1]).tolist() == [0, 1, 2]
    budget = axis.get_lines()[-1]
    assert set(budget.get_xdata()) == {100} and budget.get_marker() == "None"
    assert budget.get_transform() == axis.get_xaxis_transform()
    assert axis.patches[0].get_x() == 80 and axis.patches[0].get_width() == 40
    assert "a budget" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_limits_are_those_of_x() -> None:
    (axis,) = viz.dots({"a": [90, 95.5]}, ["one", "other"], limits=(0, 100), **AXES).axes
    assert axis.get_xlim() == (0, 100)


REFUSED: list[tuple[Callable[[], Figure], str]] = [
    (lambda: viz.dots({}, LAYERS, **AXES), "series: there is nothing"),
    (lambda: viz.dots({"a": []}, [], **AXES), "categories: there is nothing"),
    (
        lambda: viz.dots({"a": [1, 2]}, LAYERS, **AXES),
        "series 'a' has 2 entries; expected 3, one for each of categories",
    ),
    (lambda: viz.dots({"a": [1, 2, np.nan]}, LAYERS, **AXES), "series 'a' holds nan at index 2"),
    (lambda: viz.dots({"a": [1, 2, 0]}, LAYERS, log_x=True, **AXES), "'a' holds 0 at index 2.*logarithmic"),
    (lambda: viz.dots(SERIES, LAYERS, intervals={"b": ([], [])}, **AXES), r"intervals are given for \['b'\]"),
    (
        lambda: viz.dots(SERIES, LAYERS, intervals={"own": ([1] * 3, [1])}, **AXES),
        r"intervals\['own'\] has 1 .*each of categories",
    ),
    (lambda: viz.dots(SERIES, LAYERS, limits=(2, 1), **AXES), "limits are 2 to 1"),
]


@pytest.mark.parametrize(("draw", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_be_drawn_is_refused(draw: Callable[[], Figure], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw()
