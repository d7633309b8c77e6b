"""Boxes sorted into the cells of a grid, so that those around another box are found without looking at all."""

from __future__ import annotations

import numpy as np


class Cells:
    """Boxes whose sides are all at most ``size``, in cells of that size: a box lies where its upper left corner lies.

    Args:
        boxes: float (N, 4): left, top, right, bottom; no right is left of its left, no bottom above its top.
        size: a power of two, so that dividing by it rounds nothing.
        numbers: int (N,), what the boxes are called.
    """

    def __init__(self, boxes: np.ndarray, size: float, numbers: np.ndarray) -> None:
        self.size = size
        # The rows and columns that hold a corner, numbered: where boxes are far apart, most hold none.
        self.columns, column = np.unique(np.floor(boxes[:, 0] / size), return_inverse=True)
        self.rows, row = np.unique(np.floor(boxes[:, 1] / size), return_inverse=True)
        cells = row * len(self.columns) + column
        order = np.argsort(cells, kind="stable")
        self.cells, self.numbers = cells[order], numbers[order]

    def around(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs that may overlap, among them all that do: the index of one of ``boxes`` (M, 4), the number of one here.

        Two int arrays of one length, in no order.
        """
        first, end = self._reach(self.columns, boxes[:, 0], boxes[:, 2])
        box, row = ranges(*self._reach(self.rows, boxes[:, 1], boxes[:, 3]))
        before = row * len(self.columns)
        strip, place = ranges(*(np.searchsorted(self.cells, before + column[box]) for column in (first, end)))
        return box[strip], self.numbers[place]

    def _reach(self, held: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and end, in the rows or columns that are held, of corners whose boxes may reach in between."""
        first, last = np.floor((low - self.size) / self.size), np.floor(high / self.size)
        return np.searchsorted(held, first), np.searchsorted(held, last, side="right")


def ranges(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All numbers from each start to before its end, and which range each is of: ``ranges([5, 0], [7, 1])`` is
    ``[0, 0, 1], [5, 6, 0]``."""
    lengths = ends - starts
    which = np.repeat(np.arange(len(lengths)), lengths)
    return which, np.arange(len(which)) + (ends - np.cumsum(lengths))[which]


def by_size(boxes: np.ndarray, numbers: np.ndarray) -> list[Cells]:
    """Boxes (N, 4) and their numbers in one grid for each power of two that the longer sides come up to."""
    exponents = np.frexp((boxes[:, 2:] - boxes[:, :2]).max(axis=1))[1]
    of_each = [(exponent, exponents == exponent) for exponent in np.unique(exponents)]
    return [Cells(boxes[chosen], np.ldexp(1.0, exponent), numbers[chosen]) for exponent, chosen in of_each]
