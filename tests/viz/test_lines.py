"""Lines join what lies on a scale, and nothing else; each unit has a panel of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from course_lib import viz

AXES = {"title": "T", "xlabel": "x", "ylabel": "y"}
PANELS = {"title": "T", "xlabel": "x"}


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def named_lines(axis: Axes) -> dict[str, Line2D]:
    return {line.get_label(): line for line in axis.get_lines()}


def pieces(line: Line2D) -> list[list[float]]:
    """The x of each stretch that the line is drawn over without a gap."""
    x, y = line.get_data()
    whole = np.isfinite(x) & np.isfinite(y)
    starts = np.flatnonzero(np.diff(whole.astype(int)) != 0) + 1
    return [list(part) for part, kept in zip(np.split(x, starts), np.split(whole, starts), strict=True) if kept.all()]


def whole(ticks: np.ndarray) -> bool:
    return bool(np.array_equal(ticks, np.round(ticks)))


def test_each_series_is_drawn_over_x() -> None:
    figure = viz.lines({"a": [3, 2, 1], "b": [1, 1, 2]}, [1, 2, 3], title="T", xlabel="epoch", ylabel="ratio")
    (axis,) = figure.axes
    first, second = axis.get_lines()
    assert np.array_equal(first.get_xydata(), [[1, 3], [2, 2], [3, 1]])
    assert np.array_equal(second.get_xydata(), [[1, 1], [2, 1], [3, 2]])
    assert first.get_color() != second.get_color() and first.get_marker() != second.get_marker()
    assert (figure.get_suptitle(), axis.get_xlabel(), axis.get_ylabel()) == ("T", "epoch", "ratio")
    assert legend_texts(figure) == ["a", "b"]


def test_whole_numbers_have_whole_ticks_and_others_do_not() -> None:
    (counts,) = viz.lines({"a": [3, 2, 2], "b": [1, 1, 2]}, [1, 2, 3], **AXES).axes
    assert whole(counts.get_xticks()) and whole(counts.get_yticks())
    (shares,) = viz.lines({"a": [3, 2, 2], "b": [1, 1.5, 2]}, [1, 2, 2.5], **AXES).axes
    assert not whole(shares.get_xticks()) and not whole(shares.get_yticks())


def test_logarithmic_axes_and_no_legend_for_one_series() -> None:
    figure = viz.lines({"a": [1, 10]}, [0.1, 1], log_x=True, log_y=True, **AXES)
    assert (figure.axes[0].get_xscale(), figure.axes[0].get_yscale()) == ("log", "log")
    assert figure.legends == []


def test_numbers_as_words_stand_side_by_side() -> None:
    (axis,) = viz.lines({"a": [3, 2, 1]}, ["0", "0.001", "1,000"], **AXES).axes
    assert np.array_equal(axis.get_lines()[0].get_xydata(), [[0, 3], [1, 2], [2, 1]])
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "0.001", "1,000"]


def test_no_line_joins_categories() -> None:
    with pytest.raises(ValueError, match="x are 'stem', 'head'; expected numbers: no line joins categories, viz.dots"):
        viz.lines({"a": [3, 2]}, ["stem", "head"], **AXES)
    with pytest.raises(ValueError, match="viz.dots"):
        viz.mean_curves({"a": np.ones((2, 2))}, ["1", "many"], **AXES)


def test_references_are_named_lines_across_without_markers() -> None:
    figure = viz.lines({"a": [3, 2.5]}, [1, 2], references={"by chance": 9.0, "before": (0.5, 1.0, 1.5)}, **AXES)
    (axis,) = figure.axes
    lines = named_lines(axis)
    for name, value in (("by chance", 9.0), ("before", 1.0)):
        assert set(lines[name].get_ydata()) == {value} and list(lines[name].get_xdata()) == [0, 1]  # the whole width
        assert lines[name].get_transform() == axis.get_yaxis_transform()
        assert lines[name].get_marker() == "None"
    assert lines["by chance"].get_linestyle() != lines["before"].get_linestyle() != "-"
    assert lines["a"].get_marker() != "None"
    assert legend_texts(figure) == ["a", "by chance", "before"]
    assert axis.get_ylim()[1] > 9  # in view
    (shaded,) = axis.patches
    assert (shaded.get_y(), shaded.get_height()) == (0.5, 1.0)


def test_a_jump_breaks_the_line_and_its_band() -> None:
    y = {"a": [1, 2, 3, 1, 2, 3], "b": [1] * 6}
    bands = {"a": (np.zeros(6), np.full(6, 4.0))}
    (axis,) = viz.lines(y, range(6), bands=bands, breaks=[3, 4.5], **AXES).axes
    for line in axis.get_lines():
        assert pieces(line) == [[0, 1, 2], [3, 4], [5]]
    assert len(axis.collections[0].get_paths()) >= 2  # the band is broken too
    (axis,) = viz.lines(y, range(6), breaks={"a": [3]}, **AXES).axes
    assert [pieces(line) for line in axis.get_lines()] == [[[0, 1, 2], [3, 4, 5]], [[0, 1, 2, 3, 4, 5]]]


def test_every_value_is_drawn_whether_the_line_is_broken_or_not() -> None:
    y = np.arange(6.0)
    (axis,) = viz.lines({"a": y}, range(6), breaks=[1, 5], **AXES).axes
    drawn = axis.get_lines()[0].get_ydata()
    assert drawn[np.isfinite(drawn)].tolist() == y.tolist()


def test_points_of_the_text_are_named_in_the_figure() -> None:
    named = {"the best": (2, 9), "the worst": (1, 1)}
    (axis,) = viz.lines({"a": [1, 9, 3]}, [1, 2, 3], named=named, **AXES).axes
    assert {text.get_text(): text.xy for text in axis.texts} == named
    rings = [dots.get_offsets().tolist() for dots in axis.collections]
    assert rings == [[[2, 9]], [[1, 1]]]
    (axis,) = viz.lines({"a": [1, 9, 3]}, ["1", "10", "100"], named={"ten": (10, 9)}, **AXES).axes
    assert axis.texts[0].xy == (1, 9)  # where the word stands


def test_limits_are_those_of_y() -> None:
    (axis,) = viz.lines({"a": [40, 90.5]}, [1, 2], limits=(0, 100), **AXES).axes
    assert axis.get_ylim() == (0, 100)


# Panels


def test_each_unit_has_its_axis_over_one_x_and_a_name_keeps_its_colour() -> None:
    panels = {"%": {"a": [90, 95.5], "b": [80, 85]}, "ratio": {"b": [0.2, 0.1]}}
    figure = viz.line_panels(
        panels,
        [1, 2],
        references={"%": {"alone": 88}, "ratio": {"other": 0.3, "alone": 0.4}},
        limits={"%": (0, 100)},
        log_y=["ratio"],
        **PANELS,
    )
    accuracy, ratio = figure.axes
    assert (accuracy.get_ylabel(), ratio.get_ylabel(), ratio.get_xlabel()) == ("%", "ratio", "x")
    assert accuracy.get_ylim() == (0, 100) and ratio.get_ylim()[1] < 1
    assert accuracy.get_shared_x_axes().joined(accuracy, ratio)
    assert not accuracy.get_shared_y_axes().joined(accuracy, ratio)
    assert (accuracy.get_yscale(), ratio.get_yscale()) == ("linear", "log")
    above, below = named_lines(accuracy), named_lines(ratio)
    assert to_hex(above["b"].get_color()) == to_hex(below["b"].get_color()) != to_hex(above["a"].get_color())
    assert above["alone"].get_linestyle() == below["alone"].get_linestyle() != below["other"].get_linestyle()
    assert sorted(legend_texts(figure)) == ["a", "alone", "b", "other"]  # each once


REFUSED: list[tuple[Callable[[], Figure], str]] = [
    (lambda: viz.lines({}, [1], **AXES), "series: there is nothing to draw"),
    (lambda: viz.lines({"a": []}, [], **AXES), "x: there is nothing to draw"),
    (lambda: viz.lines({"a": [1, 2]}, [1, 2, 3], **AXES), "series 'a' has 2 entries; expected 3, one for each of x$"),
    (lambda: viz.lines({"a": [1, np.inf]}, [1, 2], **AXES), "series 'a' holds inf at index 1"),
    (lambda: viz.lines({"a": [1, 0]}, [1, 2], log_y=True, **AXES), "'a' holds 0 at index 1.*logarithmic"),
    (lambda: viz.lines({"a": [1, 0]}, [0, 2], log_x=True, **AXES), "x holds 0 at index 0.*logarithmic"),
    (lambda: viz.lines({"a": [1, 0]}, ["1", "2"], log_x=True, **AXES), "x holds 0 at index 0.*logarithmic"),
    (lambda: viz.lines({"a": np.ones((2, 2))}, [1, 2], **AXES), r"series 'a' has shape \(2, 2\)"),
    (lambda: viz.lines({"a": [1]}, [1], bands={"b": ([0], [1])}, **AXES), r"bands are given for \['b'\]"),
    (lambda: viz.lines({"a": [1, 2]}, [1, 2], bands={"a": ([0], [1])}, **AXES), "band of 'a' has 1 .* each of x$"),
    (lambda: viz.lines({"a": [1, 2]}, [1, 2], bands={"a": ([0, 0], [1])}, **AXES), "the band of 'a' has 1 entries"),
    (lambda: viz.lines({"a": [1]}, [1], references={"r": np.nan}, **AXES), r"references\['r'\] holds nan"),
    (lambda: viz.lines({"a": [1]}, [1], references={"r": (2, 1, 3)}, **AXES), r"references\['r'\] is 1 in 2 to 3"),
    (lambda: viz.lines({"a": [1, 2]}, [1, 2], breaks=[1], **AXES), "'a' has a break at 1; expected one above 1 and up"),
    (lambda: viz.lines({"a": [1, 2]}, [1, 2], breaks=[2.5], **AXES), "'a' has a break at 2.5"),
    (lambda: viz.lines({"a": [1, 2]}, [1, 2], breaks={"b": [2]}, **AXES), r"breaks are given for \['b'\]"),
    (lambda: viz.lines({"a": [1, 2]}, [2, 1], breaks=[2], **AXES), "x falls or repeats"),
    (
        lambda: viz.lines({"a": [1, 2]}, [1, 2], named={"n": (9, 1)}, **AXES),
        "the point 'n' is at 9, 1; expected one in",
    ),
    (lambda: viz.lines({"a": [1, 2]}, [1, 2], limits=(1, 1), **AXES), "limits of 'y' are 1 to 1"),
    (lambda: viz.line_panels({}, [1], **PANELS), "panels: there is nothing"),
    (
        lambda: viz.line_panels({"%": {"a": [1]}}, [1], references={"s": {}}, **PANELS),
        r"references are given for \['s'",
    ),
    (lambda: viz.line_panels({"%": {"a": [1]}}, [1], log_y=["s"], **PANELS), r"log_y are given for \['s'\]"),
]


@pytest.mark.parametrize(("draw", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_be_drawn_whole_is_refused(draw: Callable[[], Figure], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw()
