"""Where the five landmarks lie in an aligned crop."""

from __future__ import annotations

import numpy as np

# InsightFace's points for 112x112, used by ArcFace and most networks since.
TEMPLATE_112 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
OTHER_SIDE = [1, 0, 2, 4, 3]  # after mirroring, the left eye of the image is what was the right one

Size = int | tuple[int, int]


def template(size: Size = 112, margin: int = 0) -> np.ndarray:
    """The five points of an aligned crop, float64 (5, 2): x and y in pixels, in the order of ``LANDMARKS``.

    Args:
        size: the side of a square crop, or (height, width) with 7:6 sides such as (112, 96), which cuts 8 of 112
            columns off either side. Sides that 128 divides and 112 does not are those of the networks with 128 pixels:
            the same face, 8 of 128 columns further to the right. All others are the 112x112 points times side / 112.
        margin: pixels added on all sides: the face is as small as in a crop of ``size - 2 * margin``, in the middle.

    Raises:
        ValueError: other sides, or a margin that leaves nothing of the crop.
    """
    height, width = as_height_width(size)
    if not 0 <= 2 * margin < min(height, width):
        raise ValueError(f"margin is {margin}; expected 0 to less than half of the crop's {height}x{width} pixels")
    centre = np.array([width, height]) / 2
    return (_without_margin(height, width) - centre) * (1 - 2 * margin / min(height, width)) + centre


def _without_margin(height: int, width: int) -> np.ndarray:
    if height == width:
        if height % 112 and height % 128 == 0:
            return (TEMPLATE_112 + [8.0, 0.0]) * (height / 128)
        return TEMPLATE_112 * (height / 112)
    if height * 6 == width * 7:
        return (TEMPLATE_112 - [8.0, 0.0]) * (height / 112)
    raise ValueError(f"there is no template of {height}x{width} pixels; expected a square or 7:6, such as (112, 96)")


def mirror(points: np.ndarray, width: int) -> np.ndarray:
    """The five points (..., 5, 2) in the image of that width mirrored left to right: x -> width - 1 - x, sides swapped.

    Raises:
        ValueError: other shapes.
    """
    points = np.asarray(points, np.float64)
    if points.shape[-2:] != (5, 2):
        raise ValueError(f"points have shape {points.shape}; expected (..., 5, 2)")
    mirrored = points[..., OTHER_SIDE, :].copy()
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    return mirrored


def as_height_width(size: Size) -> tuple[int, int]:
    """(height, width) of a crop, from the side of a square or from both.

    Raises:
        ValueError: it is not one or two positive integers.
    """
    sides = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2 or not all(isinstance(side, (int, np.integer)) and side > 0 for side in sides):
        raise ValueError(f"size is {size!r}; expected the side of a square or (height, width), in pixels")
    return int(sides[0]), int(sides[1])
