from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.alignment.anchors import anchors, decode_boxes, decode_landmarks


def test_as_many_as_the_paper_has():
    # 80 x 80, 40 x 40 and 20 x 20 cells, two squares each
    assert anchors(640, 640).shape == (16_800, 3)
    assert anchors(640, 640).dtype == np.float64


def test_of_a_small_image_by_hand():
    # 32 x 16 pixels: a grid of 4 x 2 cells, one of 2 x 1, one of 1 x 1 that reaches beyond the image
    fine = [(x, y, side) for y in (4, 12, 20, 28) for x in (4, 12) for side in (16, 32)]
    middle = [(8, y, side) for y in (8, 24) for side in (64, 128)]
    coarse = [(16, 16, 256), (16, 16, 512)]
    assert anchors(32, 16).tolist() == [list(map(float, row)) for row in fine + middle + coarse]


@pytest.mark.slow
@given(st.integers(1, 200), st.integers(1, 200))
def test_every_pixel_is_in_a_cell_of_each_grid(height, width):
    every = anchors(height, width)
    cells = [-(-height // stride) * -(-width // stride) for stride in (8, 16, 32)]
    assert len(every) == 2 * sum(cells)
    for stride, smaller in ((8, 16), (16, 64), (32, 256)):
        centres = every[every[:, 2] == smaller, :2]
        assert (centres.max(axis=0) + stride / 2 >= (width, height)).all()
        assert (centres.max(axis=0) - stride / 2 < (width, height)).all()
        assert (centres.min(axis=0) == stride / 2).all()


def test_they_are_shared_and_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        anchors(64, 64)[0, 0] = 1


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (-1, 5)])
def test_no_image(height, width):
    with pytest.raises(ValueError, match=f"{height} x {width}; expected at least 1 x 1"):
        anchors(height, width)


def encode(anchor: np.ndarray, box: np.ndarray, points: np.ndarray) -> tuple[list[float], list[float]]:
    """What the network is trained to answer for a face, in plain arithmetic."""
    x, y, side = anchor
    left, top, right, bottom = box
    moved = [((left + right) / 2 - x) / (0.1 * side), ((top + bottom) / 2 - y) / (0.1 * side)]
    grown = [np.log((right - left) / side) / 0.2, np.log((bottom - top) / side) / 0.2]
    return moved + grown, [
        (value - (x, y)[axis]) / (0.1 * side) for point in points for axis, value in enumerate(point)
    ]


positions = st.floats(-1000, 2000)
sizes = st.floats(0.5, 2000)


@given(
    st.tuples(positions, positions, st.sampled_from([16.0, 32.0, 64.0, 128.0, 256.0, 512.0])),
    st.tuples(positions, positions, sizes, sizes),
    st.lists(st.tuples(positions, positions), min_size=5, max_size=5),
)
def test_decoding_inverts_encoding(anchor, corner_and_size, points):
    left, top, width, height = corner_and_size
    box = np.array([left, top, left + width, top + height])
    box_outputs, point_outputs = encode(np.array(anchor), box, np.array(points))
    decoded = decode_boxes(np.array([anchor]), np.array([box_outputs]))
    assert decoded.shape == (1, 4) and decoded[0] == pytest.approx(box, abs=1e-6)
    found = decode_landmarks(np.array([anchor]), np.array([point_outputs]))
    assert found.shape == (1, 5, 2) and found[0] == pytest.approx(np.array(points), abs=1e-6)


def test_outputs_of_zero_are_the_anchor():
    every = anchors(64, 96)
    boxes = decode_boxes(every, np.zeros((len(every), 4), dtype=np.float32))
    assert np.array_equal((boxes[:, :2] + boxes[:, 2:]) / 2, every[:, :2])
    assert np.array_equal(boxes[:, 2:] - boxes[:, :2], every[:, [2, 2]])
    points = decode_landmarks(every, np.zeros((len(every), 10), dtype=np.float32))
    assert np.array_equal(points, np.repeat(every[:, None, :2], 5, axis=1))
    assert boxes.dtype == points.dtype == np.float64
