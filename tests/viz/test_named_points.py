"""Names stand beside their points: inside the axes, apart from each other, and off the dots where there is room."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from course_lib import viz
from course_lib.viz.layout import blank
from course_lib.viz.references import put_names, put_references

CROWDED = {f"network {i}": (0.5 + 0.02 * i, 0.5 + 0.01 * (-1) ** i) for i in range(4)}
CORNERS = {f"the corner at {x}, {y}": (x, y) for x in (0, 1) for y in (0, 1)}


@pytest.mark.parametrize("points", [CROWDED, CORNERS])
def test_names_are_inside_and_apart(points: dict[str, tuple[float, float]]) -> None:
    figure = blank(6, 4)
    axis = figure.subplots()
    axis.set(xlim=(0, 1), ylim=(0, 1))
    put_names(axis, points)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axis.texts]
    assert [text.get_text() for text in axis.texts] == list(points)
    window = axis.get_window_extent()
    for box in boxes:
        assert window.x0 <= box.x0 and box.x1 <= window.x1 and window.y0 <= box.y0 and box.y1 <= window.y1
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)


@pytest.mark.parametrize("free", [1, -1])
def test_a_name_avoids_the_side_where_data_are(free: int) -> None:
    figure = blank(6, 4)
    axis = figure.subplots()
    axis.set(xlim=(-1, 1), ylim=(-1, 1))
    crowd = np.random.default_rng(0).uniform(-1, 1, (4000, 2))
    crowd[:, 1] = -free * (0.02 + np.abs(crowd[:, 1]))
    axis.scatter(*crowd.T)
    put_names(axis, {"here": (0.0, 0.0)})
    figure.draw_without_rendering()
    middle = axis.transData.inverted().transform(axis.texts[0].get_window_extent().get_points()).mean(axis=0)
    assert middle[1] * free > 0


def test_a_name_that_stands_away_from_its_ring_is_tied_to_it() -> None:
    figure = blank(6, 4)
    axis = figure.subplots()
    axis.set(xlim=(-1, 1), ylim=(-1, 1))
    near = np.random.default_rng(0).uniform(-1, 1, (4000, 2)) * (0.045, 0.075)  # all but the furthest places
    axis.scatter(*near.T)
    put_names(axis, {"crowded": (0.0, 0.0), "free": (-0.6, 0.6)})
    assert [note.arrow_patch is not None for note in axis.texts] == [True, False]


def test_names_move_no_axis() -> None:
    axis = viz.lines({"a": [1, 2]}, [1, 2], title="T", xlabel="x", ylabel="y").axes[0]
    before = axis.get_xlim(), axis.get_ylim()
    put_names(axis, {"the last": (2, 2)})
    assert (axis.get_xlim(), axis.get_ylim()) == before


def test_upright_references_stand_over_x() -> None:
    axis = blank(4, 3).subplots()
    put_references(axis, {"a": 0.25, "b": (0.4, 0.5, 0.7)}, upright=True)
    assert [set(line.get_xdata()) for line in axis.lines] == [{0.25}, {0.5}]
    assert {line.get_marker() for line in axis.lines} == {"None"}
    assert len({str(line.get_linestyle()) for line in axis.lines}) == 2
    assert axis.patches[0].get_width() == pytest.approx(0.3)
