"""The plane in front of a drawn face, on which soft shapes are laid one over the other."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from course_lib.data.drawn_face.model import Colour

LEFT, TOP, RIGHT, BOTTOM = -1.15, -1.7, 1.15, 2.1  # of the plane, in half widths of the face


class Sheet:
    """A painting of the front of a head.

    Args:
        ground: the colour before anything is painted.
        density: pixels in half a width of the face.
    """

    def __init__(self, ground: Colour, density: float) -> None:
        self.density = density
        size = (round((RIGHT - LEFT) * density), round((BOTTOM - TOP) * density))
        self.image = Image.new("RGB", size, ground)

    def shape(
        self,
        outline: np.ndarray,
        colour: Colour,
        opacity: float = 1.0,
        blur: float = 0.006,
        *,
        line: float = 0.0,
        within: np.ndarray | None = None,
        grain: Image.Image | None = None,
    ) -> None:
        """Lay down a polygon (N, 2), or several (M, N, 2), with soft edges.

        Args:
            outline: the corners, in half widths of the face.
            colour: of the whole shape.
            opacity: 0..1.
            blur: how far the edge fades.
            line: draw only the line through the corners, this wide; 0 fills the shape.
            within: a second polygon (N, 2) that the shape does not leave.
            grain: a grey image over the whole plane that thins the shape.
        """
        points = self._pixels(outline).reshape(-1, *outline.shape[-2:])
        margin = (3 * blur + line) * self.density + 2
        low = np.maximum(np.floor(points.min((0, 1)) - margin), 0).astype(int)
        high = np.minimum(np.ceil(points.max((0, 1)) + margin), self.image.size).astype(int)
        mask = Image.new("L", tuple(high - low))
        draw, level = ImageDraw.Draw(mask), round(255 * min(opacity, 1))
        for corners in (points - low).reshape(len(points), -1).tolist():
            if line:
                draw.line(corners, fill=level, width=max(1, round(line * self.density)), joint="curve")
            else:
                draw.polygon(corners, fill=level)
        mask = mask.filter(ImageFilter.GaussianBlur(blur * self.density))
        if within is not None:
            border = Image.new("L", mask.size)
            ImageDraw.Draw(border).polygon((self._pixels(within) - low).ravel().tolist(), fill=255)
            mask = ImageChops.multiply(mask, border)
        if grain is not None:
            mask = ImageChops.multiply(mask, grain.resize(self.image.size).crop((*low, *high)))
        self.image.paste(colour, tuple(low), mask)

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        return (points - (LEFT, TOP)) * self.density - 0.5


def ellipse(x: float, y: float, half_width: float, half_height: float) -> np.ndarray:
    """The outline (32, 2) of an ellipse around (x, y)."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return np.stack([x + half_width * np.cos(angle), y + half_height * np.sin(angle)], axis=1)


def curve(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Points (N, 2) of their coordinates."""
    return np.stack([x, y], axis=1)


def band(x: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """The outline (2 N, 2) between two curves over the same ``x`` (N,)."""
    return np.concatenate([curve(x, upper), curve(x, lower)[::-1]])


def mirrored(outline: np.ndarray, side: int = -1) -> np.ndarray:
    """An outline of the right half, on ``side`` 1 (right) or -1 (left)."""
    return outline * (side, 1)


def both(outline: np.ndarray) -> np.ndarray:
    """An outline of the right half and its mirror image, (2, N, 2), or (2 M, N, 2) for several."""
    return np.concatenate(
        [outline.reshape(-1, *outline.shape[-2:]), mirrored(outline).reshape(-1, *outline.shape[-2:])]
    )


def closed(outline: np.ndarray) -> np.ndarray:
    """An outline of the right half that begins and ends in the middle, with its mirror image: one polygon (2 N, 2)."""
    return np.concatenate([outline, mirrored(outline)[::-1]])


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Colour ``a`` with a share, 0..1, of ``b``."""
    return tuple(round(p + (q - p) * share) for p, q in zip(a, b, strict=True))


def scaled(colour: Colour, *factors: float) -> Colour:
    """A colour times one factor, or one a channel."""
    return tuple(min(255, round(p * f)) for p, f in zip(colour, factors * (3 // len(factors)), strict=True))
