"""MobileFaceNets with fewer bottlenecks, for tests in which any network will do: what they cost goes by the layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import pytest

from course_lib.backbones import mobilefacenet
from course_lib.backbones.blocks import size_after

Row = tuple[int, int, int, int]
FEWEST: tuple[Row, ...] = ((2, 64, 1, 2), (2, 64, 1, 1))  # t, c, n, s: a stride and a shortcut


@contextmanager
def rows_are(rows: tuple[Row, ...] = FEWEST) -> Iterator[None]:
    """Every MobileFaceNet that is created meanwhile has this table between its stem and its head."""
    stride = 2 * prod(row[-1] for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mobilefacenet, "BOTTLENECKS", rows)
        patch.setattr(mobilefacenet, "size_after", lambda size, _: size_after(size, stride))
        yield
