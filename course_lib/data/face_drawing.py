"""One drawn face: a few ellipsoids, the first of which wears a painted face, under one lamp.

Every pixel looks along a straight line (orthographic projection) at head, ears, hair, neck and shoulders; what it
meets first is shaded by the angle to the light. The landmarks are points of the same head, turned by the same matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from course_lib.data.face_model import HEAD_DEPTH, Conditions, Identity, Placement, jaw_factor, relief, rotation
from course_lib.data.face_paint import BOTTOM, LEFT, RIGHT, TOP, mix, paint_face, scaled

OVERSAMPLING = 2
Field = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Solid:
    """An ellipsoid whose upper and lower half may differ in height; ``widen`` and ``raised`` bend its surface.

    Attributes:
        centre: (3,), in the frame that ``turn`` turns.
        radii: across, up, down, deep.
        turn: the matrix (3, 3) from that frame to the view.
        widen: the factor on its width at a height y.
        raised: how far its front stands out at (x, y).
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float, float, float]
    turn: np.ndarray
    widen: Callable[[np.ndarray], np.ndarray] | None = None
    raised: Sheets | None = None


@dataclass(frozen=True)
class Hit:
    """Where lines of sight meet a solid: all (N,) or (N, 3), in float32.

    Attributes:
        rays: which lines of sight, as indices.
        point: in the solid's frame, from its centre.
        normal: in the view, of length one.
        depth: towards the viewer.
    """

    rays: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    depth: np.ndarray


class Sheets:
    """The painted face and its relief as tables over the same plane."""

    def __init__(self, who: Identity, how: Conditions, density: float) -> None:
        paint = np.asarray(paint_face(who, how, density))
        self.shape = paint.shape[:2]
        self.density = density
        self.colour = paint.reshape(-1, 3)
        x = (LEFT + (np.arange(self.shape[1]) + 0.5) / density)[None, :].astype(np.float32)
        y = (TOP + (np.arange(self.shape[0]) + 0.5) / density)[:, None].astype(np.float32)
        height = relief(who, how, x, y).astype(np.float32)
        self.height = height.ravel()
        down, across = np.gradient(height, 1 / density)
        self.slope = np.stack([across.ravel(), down.ravel()], axis=1)

    def index(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The entry for each point; beyond the border, the nearest."""
        column = np.clip((x - LEFT) * self.density, 0, self.shape[1] - 1).astype(np.int32)
        row = np.clip((y - TOP) * self.density, 0, self.shape[0] - 1).astype(np.int32)
        return row * self.shape[1] + column


def trace(solid: Solid, rays: np.ndarray, *, back: bool = False, rounds: int = 1) -> Hit:
    """Where the lines of sight through ``rays`` (N, 2) meet a solid first, or last if ``back``.

    A bent surface is found by ``rounds`` of intersecting an ellipsoid that is bent as it was at the last point.
    """
    across, up, down, deep = solid.radii
    origin = rays @ solid.turn[:2] - np.asarray(solid.centre, np.float32)
    reach = max(solid.radii)
    near = np.flatnonzero((np.abs(rays - (solid.turn @ solid.centre)[:2]) < 1.3 * reach).all(1))
    origin, sight = origin[near].astype(np.float32), solid.turn[2].astype(np.float32)
    x, y, z = origin.T
    widths, raised = np.float32(across), np.float32(0)
    for _ in range(rounds + 1):
        heights = np.where(y < 0, np.float32(up), np.float32(down))
        inverse = [1 / widths**2, 1 / heights**2, np.float32(1 / deep**2)]
        z0 = origin[:, 2] - raised
        a = sum(s * s * i for s, i in zip(sight, inverse, strict=True))
        b = sum(s * i * o for s, i, o in zip(sight, inverse, (origin[:, 0], origin[:, 1], z0), strict=True))
        c = sum(o * o * i for o, i in zip((origin[:, 0], origin[:, 1], z0), inverse, strict=True)) - 1
        inside = b * b - a * c
        root = np.sqrt(np.maximum(inside, 0))
        t = (-b - root if back else -b + root) / a
        x, y, z = (origin[:, k] + t * sight[k] for k in range(3))
        if solid.widen is not None:
            widths = across * solid.widen(y)
        if solid.raised is not None:
            entry = solid.raised.index(x, y)
            raised = solid.raised.height[entry] * (z > 0)
    met = np.flatnonzero(inside > 0)
    normal = np.stack(np.broadcast_arrays(x * inverse[0], y * inverse[1], (z - raised) * inverse[2]), 1)[met]
    if solid.raised is not None:
        normal[:, :2] -= normal[:, 2:] * solid.raised.slope[entry[met]] * (z[met] > 0)[:, None]
    normal = normal @ solid.turn.T.astype(np.float32)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-6
    return Hit(near[met], np.stack([x, y, z], 1)[met], -normal if back else normal, t[met])
