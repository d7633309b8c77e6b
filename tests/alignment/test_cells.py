from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.alignment.cells import Cells, by_size, ranges


def pairs(cells: Cells, boxes: np.ndarray) -> set[tuple[int, int]]:
    found = list(zip(*(values.tolist() for values in cells.around(boxes)), strict=True))
    assert len(found) == len(set(found)), "each pair once"
    return set(found)


def test_ranges_by_hand():
    which, numbers = ranges(np.array([5, 3, 0]), np.array([7, 3, 1]))
    assert which.tolist() == [0, 0, 2] and numbers.tolist() == [5, 6, 0]
    assert [len(values) for values in ranges(np.empty(0, int), np.empty(0, int))] == [0, 0]


def test_only_cells_around_a_box_are_looked_at():
    corner = 4.0 * np.stack(np.meshgrid(np.arange(10), np.arange(10)), axis=2).reshape(-1, 2)
    cells = Cells(np.hstack([corner, corner + 4]), 4.0, np.arange(100, 200))
    found = pairs(cells, np.array([[13.0, 17, 15, 19]]))  # in column 3 and row 4; a wide one may begin a column earlier
    assert found == {(0, 100 + 10 * row + column) for row in (3, 4) for column in (2, 3)}


@settings(max_examples=200)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(0, 30),
    asked=st.integers(0, 10),
    scale=st.sampled_from([1e-200, 1.0, 1e20, 1e150]),
    shift=st.sampled_from([0.0, 1e3, 1e16]),
)
def test_all_that_overlap_are_found(seed, count, asked, scale, shift):
    generator = np.random.default_rng(seed)

    def drawn(number: int) -> np.ndarray:
        corner = generator.uniform(-50, 50, (number, 2)) + shift
        return np.hstack([corner, corner + np.exp(generator.uniform(-1, 4, (number, 2)))]).round(1) * scale

    boxes, others = drawn(count), drawn(asked)
    grids = by_size(boxes, np.arange(count))
    assert sorted(np.concatenate([cells.numbers for cells in grids] or [[]]).tolist()) == list(range(count))
    found = [pair for cells in grids for pair in pairs(cells, others)]
    assert len(found) == len(set(found))
    low, high = np.maximum(others[:, None, :2], boxes[:, :2]), np.minimum(others[:, None, 2:], boxes[:, 2:])
    assert set(zip(*(index.tolist() for index in (low < high).all(axis=2).nonzero()), strict=True)) <= set(found)
