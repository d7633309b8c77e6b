"""Contours show every panel at the same heights, and paths and arrows where they were."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.colors import LogNorm
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from course_lib import viz

X, Y = np.linspace(-2, 2, 9), np.linspace(-1, 1, 5)
BOWL = X**2 + 3 * Y[:, None] ** 2  # (5, 9), y before x
NAMES = {"title": "T", "xlabel": "first", "ylabel": "second"}


def contour_sets(figure: Figure, panel: int) -> list[QuadContourSet]:
    return [drawn for drawn in figure.axes[panel].collections if isinstance(drawn, QuadContourSet)]


def test_all_panels_have_the_same_levels_which_hold_every_height() -> None:
    figure = viz.contours({"low": BOWL, "high": 2 * BOWL}, X, Y, **NAMES, levels=7)
    for panel in (0, 1):
        filled, lines = contour_sets(figure, panel)
        assert np.allclose(filled.levels, np.linspace(0, 14, 8))
        assert np.allclose(lines.levels, filled.levels[1:-1])  # nothing is lower than the lowest
    assert [axis.get_title() for axis in figure.axes] == ["low", "high"]
    assert all((axis.get_xlabel(), axis.get_ylabel()) == ("first", "second") for axis in figure.axes)
    assert figure.get_suptitle() == "T" and figure.legends == []


def test_a_line_lies_where_the_height_is_its_level() -> None:
    x = np.linspace(-2, 2, 201)
    figure = viz.contours({"": x**2 + 3 * x[:, None] ** 2}, x, x, **NAMES, levels=8)
    lines = contour_sets(figure, 0)[1]
    level, path = lines.levels[0], lines.get_paths()[0]
    points = path.vertices
    assert len(points) > 50 and np.allclose(points[:, 0] ** 2 + 3 * points[:, 1] ** 2, level, atol=1e-3)


def test_logarithmic_levels_have_one_ratio() -> None:
    figure = viz.contours({"a": BOWL + 0.01}, X, Y, **NAMES, log=True, levels=5)
    filled = contour_sets(figure, 0)[0]
    assert np.allclose(filled.levels[1:] / filled.levels[:-1], (7.01 / 0.01) ** 0.2)
    assert isinstance(filled.norm, LogNorm)


def test_paths_and_arrows_are_drawn_in_every_panel_and_named_once() -> None:
    paths = {"SGD": np.array([[1.0, 1.0], [0.5, 0.2]]), "SAM": np.array([[1.0, 1.0], [0.0, 0.0], [0.1, 0.0]])}
    arrows = {"ascent": [[[0, 0], [1, 0.5]], [[1, 0], [1, -1]]]}
    figure = viz.contours({"a": BOWL, "b": BOWL}, X, Y, **NAMES, paths=paths, arrows=arrows)
    for axis in figure.axes:
        drawn = [line.get_xydata() for line in axis.get_lines()]
        assert all(any(np.array_equal(points, seen) for seen in drawn) for points in paths.values())
        (quiver,) = (artist for artist in axis.collections if isinstance(artist, Quiver))
        assert np.array_equal(quiver.XY, [[0, 0], [1, 0]])
        assert np.array_equal(np.stack([quiver.U, quiver.V], 1), [[1, 0.5], [0, -1]])
        assert (axis.get_xlim(), axis.get_ylim(), axis.get_aspect()) == ((-2, 2), (-1, 1), 1)
        assert quiver.scale == 1 and quiver.angles == "xy"  # an arrow ends where it says
    colours = [line.get_color() for line in figure.axes[0].get_lines() if line.get_label() in paths]
    assert len(set(colours)) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ascent", "SGD", "SAM"]


REFUSED: list[tuple[Callable[[], Figure], str]] = [
    (lambda: viz.contours({}, X, Y, **NAMES), "panels: there is nothing"),
    (lambda: viz.contours({str(i): BOWL for i in range(4)}, X, Y, **NAMES), "panels has 4 maps; expected at most 3"),
    (lambda: viz.contours({"a": BOWL.T}, X, Y, **NAMES), r"'a'\] has shape \(9, 5\); expected \(5, 9\), y before x"),
    (lambda: viz.contours({"a": BOWL / 0}, X, Y, **NAMES), r"'a'\] holds inf at index"),
    (lambda: viz.contours({"a": np.ones((5, 9))}, X, Y, **NAMES), "all heights are 1; expected some that differ"),
    (lambda: viz.contours({"a": BOWL}, X, Y, **NAMES, log=True), "the lowest height is 0; expected positive"),
    (lambda: viz.contours({"a": BOWL}, X, Y, **NAMES, levels=1), "levels is 1"),
    (lambda: viz.contours({"a": BOWL}, X[::-1], Y, **NAMES), "x has 9 places; expected at least 2 that rise"),
    (lambda: viz.contours({"a": BOWL[:1]}, X, Y[:1], **NAMES), "y has 1 places"),
    (
        lambda: viz.contours({"a": BOWL}, X, Y, **NAMES, paths={"p": [[0, 0], [0, 3.0]]}),
        r"paths\['p'\] is at \[0.0, 3.0\] at index 1; expected points inside x -2 to 2 and y -1 to 1",
    ),
    (lambda: viz.contours({"a": BOWL}, X, Y, **NAMES, paths={"p": [0, 1]}), r"paths\['p'\] have shape \(2,\)"),
    (lambda: viz.contours({"a": BOWL}, X, Y, **NAMES, paths={"p": [[0, np.nan]]}), "hold .* at index 0"),
    (
        lambda: viz.contours({"a": BOWL}, X, Y, **NAMES, arrows={"p": [[0, 0], [1, 1]]}),
        r"arrows\['p'\] have shape \(2, 2\); expected \(N, 2, 2\)",
    ),
    (lambda: viz.contours({"a": BOWL}, X, Y, **NAMES, arrows={"p": [[[0, 0], [9, 1]]]}), r"arrows\['p'\] is at"),
]


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize(("draw", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_contours_cannot_show_is_refused(draw: Callable[[], Figure], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw()
