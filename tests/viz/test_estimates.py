"""Estimates are dots inside their intervals."""

from __future__ import annotations

import pytest

from course_lib import viz

FOUND = {"one": (0.1, 0.2, 0.4), "other": (-0.1, 0.0, 0.1)}


def test_each_name_is_a_bar_with_a_dot_and_the_first_stands_on_top() -> None:
    (axis,) = viz.estimates(FOUND, title="T", xlabel="points", references={"none": 0}).axes
    *drawn, mark = axis.lines
    for row, (low, middle, high) in enumerate(FOUND.values()):
        bar, dot = drawn[2 * row : 2 * row + 2]
        assert bar.get_xdata().tolist() == [low, high] and dot.get_xdata().tolist() == [middle]
        assert set(bar.get_ydata()) == set(dot.get_ydata()) == {row}
    assert list(mark.get_xdata()) == [0, 0]
    assert [label.get_text() for label in axis.get_yticklabels()] == list(FOUND) and axis.yaxis_inverted()


def test_references_are_named_and_limits_kept() -> None:
    figure = viz.estimates(FOUND, title="T", xlabel="points", references={"promised": 0.3}, limits=(-1, 1))
    (axis,) = figure.axes
    assert axis.get_xlim() == (-1, 1) and axis.lines[-1].get_marker() == "None"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["promised"]


def test_without_references_there_is_no_line() -> None:
    (axis,) = viz.estimates(FOUND, title="T", xlabel="points").axes
    assert len(axis.lines) == 4


@pytest.mark.parametrize(
    ("found", "references", "words"),
    [
        ({}, None, "nothing to draw"),
        ({"a": (0.2, 0.1, 0.4)}, None, r"found\['a'\] is 0.1 in 0.2 to 0.4"),
        ({"a": (0.0, float("nan"), 1.0)}, None, "finite numbers"),
        (FOUND, {"m": float("inf")}, r"references\['m'\] holds inf"),
    ],
)
def test_what_cannot_be_drawn_is_refused(found: dict, references: dict | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        viz.estimates(found, title="T", xlabel="points", references=references)
