"""Bars are as long as their values, from zero, and say so in numbers."""

from __future__ import annotations

import pytest

from course_lib import viz

PANELS = {"multiply-adds, millions": {"one": 28.9014, "other": 3.6628}, "parameters": {"one": 37056, "other": 0}}


def test_bars_are_as_long_as_their_values_and_name_them() -> None:
    figure = viz.bars(PANELS, title="Two blocks")
    assert [axis.get_xlabel() for axis in figure.axes] == list(PANELS)
    for axis, values in zip(figure.axes, PANELS.values(), strict=True):
        assert [(bar.get_x(), bar.get_width()) for bar in axis.patches] == [(0, value) for value in values.values()]
        assert [label.get_text() for label in axis.get_yticklabels()] == ["one", "other"]
        assert axis.get_xlim()[0] == 0 and axis.yaxis_inverted()  # the first stands on top
    written = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert written == [["28.9", "3.66"], ["37,056", "0"]]
    assert figure.get_suptitle() == "Two blocks"


def test_bars_of_nothing_but_zeros_can_be_drawn() -> None:
    (axis,) = viz.bars({"bytes": {"a": 0, "b": 0}}, title="T").axes
    assert axis.get_xlim() == (0, 1)


def test_an_interval_is_drawn_and_what_is_not_known_is_said() -> None:
    (axis,) = viz.bars({"errors": {"a": (1.0, 2.0, 4.0), "b": None}}, title="T").axes
    assert [bar.get_width() for bar in axis.patches] == [2, 0]
    ((whisker, _),) = axis.collections[0].get_segments()[:1]
    assert whisker[0] == 1 and axis.collections[0].get_segments()[0][1][0] == 4
    assert [text.get_text() for text in axis.texts] == ["2", "not known"]
    assert axis.get_xlim()[1] > 4


@pytest.mark.parametrize(
    ("panels", "words"),
    [
        ({}, "panels: there is nothing"),
        ({"x": {}}, "names: there is nothing"),
        ({"x": {"a": 1}, "y": {"b": 1}}, "'y'.*is of .'b'.; expected the same names"),
        ({"x": {"a": -2.5}}, "'x'.*holds -2.5; expected values of at least 0"),
        ({"x": {"a": float("nan")}}, "'x'.*holds nan"),
        ({"x": {"a": (2.0, 1.0, 3.0)}}, "expected values of at least 0, or 0 <= low <= middle <= high"),
    ],
)
def test_what_bars_cannot_show_is_refused(panels: dict[str, dict[str, float]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        viz.bars(panels, title="T")
