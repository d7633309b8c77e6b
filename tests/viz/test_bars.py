"""Bars are as long as their values, from zero, and say so in numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes

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


SHARP, FLAT = {"a": 0.97, "b": 0.03}, {"a": 0.55, "b": 0.45}


def lengths(axis: Axes) -> list[float]:
    """Of the bars, in shares of the width of their axis."""
    low, high = axis.get_xlim()
    return [bar.get_width() / (high - low) for bar in axis.patches]


def test_bars_of_one_unit_are_as_long_as_their_values_in_every_panel() -> None:
    sharp, flat = viz.bars({"T = 1": SHARP, "T = 8": FLAT}, title="T", unit="probability").axes
    assert sharp.get_xlim() == flat.get_xlim() == (0, 1)
    assert lengths(sharp) == [0.97, 0.03] and lengths(flat) == [0.55, 0.45]  # the flat one looks flat
    assert [axis.get_title(loc="left") for axis in (sharp, flat)] == ["T = 1", "T = 8"]
    assert sharp.get_xlabel() == flat.get_xlabel() == "probability"


def test_units_that_differ_have_their_own_axes() -> None:
    panels = {"at once": {"a": 90, "b": 80}, "on disk": {"a": 1000, "b": 250}, "ms": {"a": 2.5, "b": 1}}
    once, disk, time = viz.bars(panels, title="T", unit={"on disk": "kB", "at once": "kB"}).axes
    assert disk.get_xlim() == once.get_xlim() != time.get_xlim() and disk.get_xlim()[1] > 1000
    assert [axis.get_xlabel() for axis in (once, disk, time)] == ["kB", "kB", "ms"]
    assert [axis.get_title(loc="left") for axis in (once, disk, time)] == ["at once", "on disk", ""]


def test_rates_go_from_none_to_all_unless_said() -> None:
    panels = {"named rightly, %": {"a": 85, "b": 100}, "wrong, %": {"a": (0.4, 0.5, 0.9), "b": 0.2}}
    right, wrong = viz.bars(panels, title="T", limits={"wrong, %": (0, 2)}).axes
    assert right.get_xlim() == (0, 100) and lengths(right) == [0.85, 1]
    assert wrong.get_xlim() == (0, 2)


@pytest.mark.parametrize("unit", ["claims", None])
def test_counts_have_whole_ticks(unit: str | None) -> None:
    counted, more = viz.bars({"x": {"a": 1, "b": 2}, "y": {"a": 3, "b": 0}}, title="T", unit=unit).axes
    for axis in (counted, more):
        assert np.array_equal(axis.get_xticks(), np.round(axis.get_xticks()))
    (measured,) = viz.bars({"ms": {"a": 1.5, "b": 2}}, title="T").axes
    assert not np.array_equal(measured.get_xticks(), np.round(measured.get_xticks()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unit": {"z": "kB"}}, r"units are given for \['z'\]"),
        ({"limits": {"z": (0, 1)}}, r"limits are given for \['z'\]"),
        ({"limits": {"x": (0, 1)}}, "a bar is 2 long and the axis of 'x' ends at 1"),
        ({"limits": {"x": (1, 3)}}, "limits of 'x' start at 1; expected 0"),
        ({"limits": {"x": (3, 0)}}, "limits of 'x' are 3 to 0"),
        ({"unit": "share"}, "a bar is 2 long and the axis of 'share' ends at 1"),
    ],
)
def test_axes_that_cannot_hold_the_bars_are_refused(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        viz.bars({"x": {"a": 2, "b": 1}}, title="T", **options)


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
