"""What is drawn on photographs is where it was given, and levels of a pyramid share one scale."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib import viz


def grey(height: int, width: int) -> np.ndarray:
    return np.arange(height * width, dtype=np.uint8).reshape(height, width)


def test_boxes_and_points_are_where_they_were_given() -> None:
    points = np.array([[(1, 2), (3, 4)], [(5, 6), (7, 8.0)]])
    panels = {
        "one": viz.Annotated(grey(20, 30), np.array([(2, 3, 12, 9.0), (0, 0, 4, 4)]), {"found": points}),
        "two": viz.Annotated(np.zeros((20, 30, 3), np.uint8), points={"template": points[0], "found": points[1]}),
    }
    figure = viz.annotated(panels, title="T", credit="C")
    one, two = figure.axes
    assert np.array_equal(one.get_images()[0].get_array(), grey(20, 30))
    first = one.patches[0]
    assert (first.get_x(), first.get_y(), first.get_width(), first.get_height()) == (2, 3, 10, 6)
    assert len(one.patches) == 2 and len(two.patches) == 0
    drawn = [line for line in one.lines if len(line.get_xdata())]
    assert np.array_equal(np.column_stack(drawn[0].get_data()), points.reshape(-1, 2))
    markers = {line.get_label(): line.get_marker() for line in one.lines if not len(line.get_xdata())}
    assert list(markers) == ["found", "template"] and len(set(markers.values())) == 2
    assert [line.get_marker() for line in two.lines] == [markers["template"], markers["found"]]
    assert figure.get_suptitle() == "T" and figure.legends[0].get_title().get_text() == "C"
    assert one.get_title() == "one"


def test_each_box_has_its_label_and_that_of_nobody_is_dashed() -> None:
    boxes = np.array([(2, 3, 12, 9.0), (10, 10, 20, 18)])
    figure = viz.annotated({"": viz.Annotated(grey(20, 30), boxes, labels=["Ada", None])}, title="T")
    (axis,) = figure.axes
    (text,) = axis.texts
    assert (text.get_text(), text.get_position()) == ("Ada", (7, 3))
    assert axis.patches[1].get_linestyle() == "--" != axis.patches[0].get_linestyle()
    assert axis.patches[0].get_edgecolor() != axis.patches[1].get_edgecolor()
    with pytest.raises(ValueError, match="labels"):
        viz.annotated({"": viz.Annotated(grey(20, 30), boxes, labels=["Ada"])}, title="T")


def test_the_picture_is_not_scaled_to_boxes_that_reach_outside() -> None:
    figure = viz.annotated({"": viz.Annotated(grey(20, 30), np.array([(-50, -50, 99, 99.0)]))}, title="T")
    assert figure.axes[0].get_xlim() == (-0.5, 29.5) and figure.axes[0].get_ylim() == (19.5, -0.5)


def test_a_crowd_of_boxes_has_thinner_lines() -> None:
    boxes = np.array([(2, 3, 12, 9.0)] * 31)
    figure = viz.annotated(
        {"few": viz.Annotated(grey(20, 30), boxes[:30]), "": viz.Annotated(grey(20, 30), boxes)}, title="T"
    )
    few, many = ({patch.get_linewidth() for patch in axis.patches} for axis in figure.axes)
    assert max(many) < min(few) and len(many) == len(few) == 1


def test_levels_of_a_pyramid_share_one_scale() -> None:
    levels = [grey(80, 60), grey(40, 30), grey(20, 15)]
    figure = viz.pyramid(levels, title="T")
    viz.png(figure)
    inches = [axis.get_window_extent().width / level.shape[1] for axis, level in zip(figure.axes, levels, strict=True)]
    heights = [abs(np.diff(axis.get_ylim())[0]) for axis in figure.axes]
    assert np.allclose(inches, inches[0], rtol=0.02) and np.allclose(heights, 80)
    assert [axis.texts[0].get_text() for axis in figure.axes][0] == "80x60"


def test_nothing_and_nonsense_are_refused() -> None:
    with pytest.raises(ValueError, match="panels: there is nothing"):
        viz.annotated({}, title="T")
    with pytest.raises(ValueError, match="levels: there is nothing"):
        viz.pyramid([], title="T")
    with pytest.raises(ValueError, match="boxes holds nan"):
        viz.annotated({"a": viz.Annotated(grey(4, 4), np.array([(np.nan, 0, 1, 1)]))}, title="T")
    with pytest.raises(ValueError, match="points 'p' holds inf"):
        viz.annotated({"a": viz.Annotated(grey(4, 4), points={"p": np.array([(np.inf, 0)])})}, title="T")
    with pytest.raises(ValueError, match="bands are given for"):
        viz.lines({"a": [1, 2]}, [0, 1], title="T", xlabel="x", ylabel="y", bands={"b": ([0, 1], [2, 3])})
