"""A heat map shows every value where it is, in its colour and in digits that can be read on it."""

from __future__ import annotations

import numpy as np
import pytest

from course_lib import viz


def test_heatmaps_write_every_value_in_its_place() -> None:
    values = np.array([[0.1, 0.2, 0.9], [0.0, 1.0, 0.3]])
    figure = viz.heatmaps({"accuracy": values, "weight": 10 * values}, title="Two maps", cell="{:.1f}")
    assert [axis.get_title() for axis in figure.axes] == ["accuracy", "weight"]
    for axis, expected in zip(figure.axes, (values, 10 * values), strict=True):
        (image,) = axis.get_images()
        assert np.array_equal(image.get_array(), expected)
        assert image.get_clim() == (expected.min(), expected.max())
        written = {text.get_position(): (text.get_text(), text.get_color()) for text in axis.texts}
        for (row, column), value in np.ndenumerate(expected):
            dark_ground = value <= expected.max() / 2
            assert written[column, row] == (f"{value:.1f}", "white" if dark_ground else "black")
    assert figure.get_suptitle() == "Two maps"


def test_a_map_of_one_value_can_be_drawn() -> None:
    (axis,) = viz.heatmaps({"a": np.ones((2, 2))}, title="T").axes
    assert [text.get_text() for text in axis.texts] == ["1.00"] * 4


def test_maps_of_one_unit_have_the_same_colours() -> None:
    maps = {"wide": np.array([[0.0, 8.0]]), "narrow": np.array([[4.0, 5.0]]), "other": np.array([[9.0, 9.9]])}
    own = viz.heatmaps(maps, title="T").axes
    assert [axis.get_images()[0].get_clim() for axis in own] == [(0, 8), (4, 5), (9, 9.9)]
    shared = viz.heatmaps(maps, title="T", unit={"wide": "points", "narrow": "points"}).axes
    assert [axis.get_images()[0].get_clim() for axis in shared] == [(0, 8), (0, 8), (9, 9.9)]
    with pytest.raises(ValueError, match=r"units are given for \['none'\]"):
        viz.heatmaps(maps, title="T", unit={"none": "points"})


@pytest.mark.parametrize(
    ("panels", "options", "words"),
    [
        ({}, {}, "panels: there is nothing"),
        ({str(i): np.ones((2, 2)) for i in range(5)}, {}, "panels has 5 maps; expected at most 4"),
        ({"a": np.ones(3)}, {}, r"'a'.*has shape \(3,\); expected \(H, W\)"),
        ({"a": np.ones((3, 15))}, {}, r"'a'.*has shape \(3, 15\); expected \(H, W\) of 1 to 14"),
        ({"a": np.array([[1, np.inf]])}, {}, "'a'.*holds inf at index 1"),
        ({"a": np.full((2, 2), 123.456)}, {}, "cell writes '123.46'; expected at most 4 characters"),
    ],
)
def test_what_heatmaps_cannot_show_is_refused(
    panels: dict[str, np.ndarray], options: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        viz.heatmaps(panels, title="T", **options)
