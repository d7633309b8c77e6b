"""RetinaFace's anchors: the squares that its outputs are relative to, and the way from those to pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Two squares of these sides at every cell of a grid, one grid a stride: the smallest faces on the finest grid.
STRIDES = (8, 16, 32)
SIDES = ((16, 32), (64, 128), (256, 512))
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2  # scale the outputs, so that training sees numbers of about 1


@lru_cache(maxsize=16)
def anchors(height: int, width: int) -> np.ndarray:
    """Every anchor of an image, in the order of the network's outputs: x and y of the centre, and the side.

    The stride's grid covers the image, cell (i, j) is centred at ((j + 1/2) stride, (i + 1/2) stride); the order is
    strides, rows, columns, sides. (Deng et al. 2020, "RetinaFace: single-shot multi-level face localisation in the
    wild", section 3.3 with the sides of the released mobilenet0.25 network.)

    Returns:
        float64 (N, 3), read-only, in pixels from the image's top left corner: 16,800 for 640 x 640.

    Raises:
        ValueError: a height or width below 1.
    """
    if height < 1 or width < 1:
        raise ValueError(f"the image is {height} x {width}; expected at least 1 x 1 pixels")
    grids = []
    for stride, sides in zip(STRIDES, SIDES, strict=True):
        y, x = (np.arange(-(-length // stride)) + 0.5 for length in (height, width))  # rounded up
        y, x, side = np.meshgrid(y * stride, x * stride, sides, indexing="ij")
        grids.append(np.stack([x, y, side], axis=-1).reshape(-1, 3))
    every = np.concatenate(grids)
    every.flags.writeable = False  # shared by all callers
    return every


def decode_boxes(anchors: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Boxes, float64 (N, 4): left, top, right, bottom.

    The centre is the anchor's, moved by 0.1 d side; width and height are side * exp(0.2 d). (Liu et al. 2016, "SSD:
    single shot multibox detector", section 2.2.)

    Args:
        anchors: float (N, 3).
        outputs: float (N, 4): d of the centre's x and y, of the width and of the height.
    """
    centre, side = anchors[:, :2], anchors[:, 2:]
    centre = centre + CENTRE_VARIANCE * side * outputs[:, :2]
    half = side * np.exp(SIZE_VARIANCE * outputs[:, 2:].astype(np.float64)) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def decode_landmarks(anchors: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Points, float64 (N, 5, 2): the anchor's centre moved by 0.1 d side.

    Args:
        anchors: float (N, 3).
        outputs: float (N, 10): d of x and y for each of ``LANDMARKS``.
    """
    centre, side = anchors[:, None, :2], anchors[:, None, 2:]
    return centre + CENTRE_VARIANCE * side * outputs.reshape(-1, 5, 2)
