"""The slider draws each figure once and shows the one it stands on."""

from __future__ import annotations

import ipywidgets
import pytest
from matplotlib.figure import Figure

from course_lib import viz


class Recorder:
    """A figure function that remembers what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def __call__(self, value: object) -> Figure:
        self.calls.append(value)
        figure = Figure(figsize=(2, 1))
        figure.text(0.1, 0.5, f"epoch {value}")
        return figure


def test_slider_shows_the_first_figure_above_which_it_stands() -> None:
    render = Recorder()
    box = viz.slider(render, [1, 2, 4], label="epoch")
    handle, picture = box.children
    assert isinstance(handle, ipywidgets.SelectionSlider) and isinstance(picture, ipywidgets.Image)
    assert (handle.value, handle.description) == (1, "epoch")
    assert render.calls == [1]  # the others wait until they are asked for
    assert picture.format == "png" and picture.value == viz.png(Recorder()(1), dpi=90)


def test_slider_draws_each_value_once() -> None:
    render = Recorder()
    handle, picture = viz.slider(render, [1, 2, 4], label="epoch").children
    first = picture.value
    pictures = {1: first}
    for value in (2, 4, 2, 1, 4):
        handle.value = value
        assert pictures.setdefault(value, picture.value) == picture.value
    assert render.calls == [1, 2, 4]
    assert len(set(pictures.values())) == 3


def test_slider_starts_where_it_is_told() -> None:
    render = Recorder()
    handle, _ = viz.slider(render, [0.0, 0.01, 1.0], label="weight", start=0.01).children
    assert handle.value == 0.01 and render.calls == [0.01]


def test_slider_passes_tuples_on_whole() -> None:
    render = Recorder()
    handle, _ = viz.slider(render, [("a", 1), ("b", 2)], label="pair").children
    handle.value = ("b", 2)
    assert render.calls == [("a", 1), ("b", 2)]


def test_two_sliders_do_not_share_their_figures() -> None:
    one, other = Recorder(), Recorder()
    viz.slider(one, [1, 2], label="one")
    viz.slider(other, [1, 2], label="other")
    assert one.calls == other.calls == [1]


@pytest.mark.parametrize("values", [[], [1]])
def test_slider_refuses_fewer_than_two_values(values: list[int]) -> None:
    with pytest.raises(ValueError, match=f"values of epoch has {len(values)} entries; expected at least two"):
        viz.slider(Recorder(), values, label="epoch")


def test_slider_refuses_a_start_that_is_no_value() -> None:
    with pytest.raises(ValueError, match="start is 3 for epoch; expected one of the values: 1, 2"):
        viz.slider(Recorder(), [1, 2], label="epoch", start=3)


def test_several_sliders_move_one_figure() -> None:
    class Sum(Recorder):
        def __call__(self, *values: object) -> Figure:
            return super().__call__(values)

    render = Sum()
    scale, angle, picture = viz.sliders(render, {"scale": [1, 2], "angle": [0, 10, 20]}, start={"angle": 10}).children
    assert (scale.description, scale.value, angle.description, angle.value) == ("scale", 1, "angle", 10)
    first = picture.value
    scale.value = 2
    assert picture.value != first
    angle.value = 20
    scale.value, angle.value = 1, 10
    assert render.calls == [(1, 10), (2, 10), (2, 20), (1, 20)]
    assert picture.value == first, "kept, not drawn again"


def test_each_slider_is_checked() -> None:
    with pytest.raises(ValueError, match="values of angle has 1 entries"):
        viz.sliders(Recorder(), {"scale": [1, 2], "angle": [0]})
    with pytest.raises(ValueError, match="start is 3 for angle; expected one of the values: 0, 1"):
        viz.sliders(Recorder(), {"scale": [1, 2], "angle": [0, 1]}, start={"angle": 3})
