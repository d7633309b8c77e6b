"""A sphere shows every direction where an eye at that place sees it, and tells the near side from the far."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from figure_examples import NAMES, directions
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from course_lib import viz

POINTS, LABELS = directions(per_class=4)


def drawn(figure: Figure, panel: int = 0) -> list[np.ndarray]:
    """Where the points of a panel are: of each class those of the far side, then those of the near."""
    return [np.asarray(collection.get_offsets()) for collection in figure.axes[panel].collections]


def one_class(points: object, **view: float) -> list[np.ndarray]:
    points = np.asarray(points, dtype=float)
    panels = {"a": (points, np.zeros(len(points), dtype=int))}
    return drawn(viz.spheres(panels, ["only"], title="T", **view))


def test_known_directions_are_where_they_belong() -> None:
    # Over Greenwich and the equator: east is to the right, north is up, and the other side of the earth is behind.
    far, near = one_class([[2, 0, 0], [0, 5, 0], [0, 0, 0.1], [-1, 0, 0]], azimuth=0, elevation=0)
    assert near == pytest.approx(np.array([[0, 0], [1, 0], [0, 1]]), abs=1e-12)
    assert far == pytest.approx(np.array([[0, 0]]), abs=1e-12)
    # From over the north pole Greenwich is below and the south pole is hidden.
    far, near = one_class([[1, 0, 0], [0, 0, 1], [0, 0, -1]], azimuth=0, elevation=90 - 1e-9)
    assert near == pytest.approx(np.array([[0, -1], [0, 0]]), abs=1e-9) and len(far) == 1
    # A quarter turn to the east brings what was on the right to the middle.
    _, near = one_class([[0, 1, 0]], azimuth=90, elevation=0)
    assert near == pytest.approx(np.array([[0, 0]]), abs=1e-12)


@pytest.mark.slow
@given(st.floats(-360, 360), st.floats(-90, 90), st.integers(0, 9))
def test_a_view_keeps_angles(azimuth: float, elevation: float, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(6, 3))
    far, near = one_class(np.concatenate([points, -points]), azimuth=azimuth, elevation=elevation)
    # Points and their opposites: six on each side, and with the depth that is left to length one they are as they were.
    assert len(far) == len(near) == 6
    depth = np.sqrt(np.clip(1 - (near**2).sum(axis=1), 0, None))
    seen = np.column_stack([near, depth])
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert np.sort(np.abs(seen @ seen.T).ravel()) == pytest.approx(np.sort(np.abs(unit @ unit.T).ravel()), abs=1e-6)


def test_lengths_do_not_show() -> None:
    one, other = (
        viz.spheres({"a": (scale * POINTS, LABELS)}, NAMES, title="T") for scale in (1, np.arange(1, 41)[:, None])
    )
    assert all(np.allclose(a, b) for a, b in zip(drawn(one), drawn(other), strict=True))


def test_every_point_is_drawn_once_in_the_style_of_its_class() -> None:
    figure = viz.spheres({"softmax": (POINTS, LABELS), "CosFace": (POINTS, LABELS)}, NAMES, title="Ten digits")
    for panel in (0, 1):
        sides = list(zip(drawn(figure, panel)[::2], drawn(figure, panel)[1::2], strict=True))
        assert [len(far) + len(near) for far, near in sides] == [4] * 10
        near = figure.axes[panel].collections[1::2]
        assert len({to_hex(side.get_facecolor()[0]) for side in near if len(side.get_offsets())}) > 3
        assert len({side.get_paths()[0].vertices.tobytes() for side in near}) == 10  # the markers
    assert [axis.get_title() for axis in figure.axes] == ["softmax", "CosFace"]
    assert figure.get_suptitle() == "Ten digits"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == NAMES


def test_the_far_side_is_smaller_paler_and_behind() -> None:
    far, near = viz.spheres({"a": (POINTS, LABELS)}, NAMES, title="T").axes[0].collections[:2]
    assert far.get_sizes()[0] < near.get_sizes()[0] and far.get_alpha() < near.get_alpha() / 2
    assert far.get_zorder() < near.get_zorder()


def test_centers_are_crosses_in_their_panel_named_once() -> None:
    panels = {"a": (POINTS, LABELS), "b": (POINTS, LABELS)}
    figure = viz.spheres(panels, NAMES, title="T", centers={"b": [[3, 0, 0], [-2, 0, 0]]}, azimuth=0, elevation=0)
    assert [len(axis.collections) for axis in figure.axes] == [20, 22]
    far, near = drawn(figure, 1)[-2:]
    assert np.allclose(far, 0) and np.allclose(near, 0) and len(far) == len(near) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*NAMES, "center"]


def globe(points: object = POINTS, labels: object = LABELS, **others: object) -> Figure:
    return viz.spheres({"a": (points, labels)}, others.pop("names", NAMES), title="T", **others)


def spoilt(value: float) -> np.ndarray:
    points = POINTS.copy()
    points[3] = value
    return points


REFUSED: list[tuple[Callable[[], Figure], type[Exception], str]] = [
    (lambda: viz.spheres({}, NAMES, title="T"), ValueError, "panels: there is nothing to draw"),
    (lambda: globe(POINTS[:, :2]), ValueError, r"panels\['a'\] points have shape \(40, 2\); expected \(N, 3\)"),
    (lambda: globe(POINTS[:0], LABELS[:0]), ValueError, "points: there is nothing to draw"),
    (lambda: globe(spoilt(np.nan)), ValueError, "points hold .*nan.* at index 3"),
    (lambda: globe(spoilt(0)), ValueError, "points hold the origin at index 3; expected points that have a direction"),
    (lambda: globe(labels=LABELS[:-1]), ValueError, r"labels have shape \(39,\); expected \(40,\)"),
    (lambda: globe(names=NAMES[:9]), ValueError, "labels hold 9 at index 36"),
    (lambda: globe(centers={"b": POINTS}), ValueError, r"centers are given for \['b'\]"),
    (lambda: globe(centers={"a": np.zeros((1, 3))}), ValueError, r"centers\['a'\] hold the origin"),
    (lambda: globe(azimuth=np.nan), ValueError, "azimuth is nan"),
    (lambda: globe(elevation=np.inf), ValueError, "elevation is inf"),
]


@pytest.mark.parametrize(("draw", "error", "words"), REFUSED, ids=[words for _, _, words in REFUSED])
def test_what_a_sphere_cannot_show_is_refused(draw: Callable[[], Figure], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        draw()
