"""Classes can be told apart by colour, and without colour."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from matplotlib.colors import to_rgb

from course_lib.viz.style import class_style


def test_ten_classes_differ_in_colour_and_in_marker() -> None:
    styles = [class_style(label) for label in range(10)]
    assert len({style["color"] for style in styles}) == 10
    assert len({style["marker"] for style in styles}) == 10


def test_a_hundred_classes_differ() -> None:
    assert len({tuple(class_style(label).values()) for label in range(100)}) == 100


def test_colours_are_apart_from_each_other_and_from_paper() -> None:
    colours = [np.array(to_rgb(class_style(label)["color"])) for label in range(10)]
    for one, other in combinations([*colours, np.ones(3)], 2):
        assert np.linalg.norm(one - other) > 0.2
