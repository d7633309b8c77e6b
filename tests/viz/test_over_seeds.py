from __future__ import annotations

import numpy as np
import pytest

from course_lib import viz
from course_lib.evaluation import mean_interval, paired_difference

B = np.array([1.0, 2.0, 4.0])
PAIRS = {"more": (B + [3.0, 3.5, 4.0], B), "less": (B - [2.0, 2.1, 1.9], B), "either": (B + [-1.0, 0.0, 1.5], B)}


def test_dots_are_differences_with_the_interval_of_their_mean_and_what_it_says():
    figure = viz.paired_differences(PAIRS, title="T", xlabel="points")
    (axis,) = figure.axes
    names = [text.get_text().replace("\n", " ") for text in axis.get_yticklabels()]
    assert names == ["more: better", "less: worse", "either: no clear difference"]
    dots, bars = axis.lines[1:7:2], axis.lines[2:7:2]  # the first line is the legend's
    for (a, b), dot, bar in zip(PAIRS.values(), dots, bars, strict=True):
        interval = paired_difference(a, b)
        assert np.allclose(dot.get_xdata(), a - b)
        assert np.allclose(bar.get_xdata(), [interval.low, (a - b).mean(), interval.high])


def test_curves_are_means_in_the_band_of_their_intervals():
    rows = np.array([[1.0, 2.0, 5.0], [3.0, 2.0, 4.0], [2.0, 2.0, 9.0]])
    figure = viz.mean_curves({"a": rows}, ["1", "2", "5"], title="T", xlabel="x", ylabel="y")
    (axis,) = figure.axes
    assert np.allclose(axis.lines[0].get_ydata(), [2, 2, 6])
    (band,) = axis.collections
    expected = [mean_interval(column) for column in rows.T]
    edges = band.get_paths()[0].vertices
    assert edges[:, 1].max() == pytest.approx(max(interval.high for interval in expected))
    assert edges[:, 1].min() == pytest.approx(min(interval.low for interval in expected))


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ({}, "nothing to draw"),
        ({"a": ([1.0], [2.0])}, "at least 2 values"),
        ({"a": ([1.0, 2.0], [1.0])}, "one value of b"),
    ],
)
def test_what_cannot_be_paired_is_refused(pairs: dict, words: str):
    with pytest.raises(ValueError, match=words):
        viz.paired_differences(pairs, title="T", xlabel="x")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.ones(3), r"shape \(3,\); expected \(seeds, 3\)"),
        (np.ones((2, 4)), "a row a seed"),
        (np.ones((1, 3)), "at least 2"),
    ],
)
def test_rows_must_fit(rows: np.ndarray, words: str):
    with pytest.raises(ValueError, match=words):
        viz.mean_curves({"a": rows}, [1, 2, 3], title="T", xlabel="x", ylabel="y")


def test_no_curve_is_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        viz.mean_curves({}, [1], title="T", xlabel="x", ylabel="y")
