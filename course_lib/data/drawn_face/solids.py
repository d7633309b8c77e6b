"""Where lines of sight meet an ellipsoid, bent here and there: all that a drawn head and body are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Relief(Protocol):
    """How far the front of a solid stands out, as tables; ``index`` says which entry belongs to a point."""

    height: np.ndarray
    slope: np.ndarray

    def index(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The entries (N,) for the points x, y (N,)."""
        ...


@dataclass(frozen=True)
class Solid:
    """An ellipsoid whose upper and lower half may differ in height, and whose surface may be bent.

    Attributes:
        centre: x, y, z in the frame that ``turn`` turns.
        radii: across, up, down, deep.
        turn: the matrix (3, 3) from that frame to the view.
        widen: the factor on its width at a height y.
        relief: how far its front stands out.
    """

    centre: Sequence[float]
    radii: tuple[float, float, float, float]
    turn: np.ndarray
    widen: Callable[[np.ndarray], np.ndarray] | None = None
    relief: Relief | None = None

    def __repr__(self) -> str:
        across, up, down, deep = (f"{radius:.3g}" for radius in self.radii)
        return f"Solid({across} across, {up} up, {down} down, {deep} deep)"


@dataclass(frozen=True)
class Sight:
    """Parallel lines of sight: where in the view (2, N) each pixel looks, and how large a pixel is there."""

    rays: np.ndarray
    pixel: float

    def __repr__(self) -> str:
        return f"Sight({self.rays.shape[1]:,} rays, pixel {self.pixel:.3g})"


@dataclass(frozen=True)
class Hit:
    """What was met: float32 arrays over the rays that met it.

    Attributes:
        rays: which ones, as indices.
        point: (3, N), in the solid's frame, from its centre.
        normal: (3, N), in the view, of length one.
        depth: (N,), towards the viewer.
        cover: (N,), how much of the pixel the solid fills, 0..1: less than 1 along its outline.
    """

    rays: np.ndarray
    point: np.ndarray
    normal: np.ndarray
    depth: np.ndarray
    cover: np.ndarray

    def __repr__(self) -> str:
        return f"Hit({len(self.rays):,} rays)"


def dot(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> np.ndarray:
    """The inner products of two times three coordinates."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def trace(solid: Solid, sight: Sight, *, back: bool = False, rounds: int = 1) -> Hit:
    """Where the lines of sight meet a solid first, or last if ``back``.

    A bent surface is found by ``rounds`` of meeting an ellipsoid that is bent as it was at the point found before.
    """
    across, up, down, deep = (np.float32(radius) for radius in solid.radii)
    turn, centre = solid.turn.astype(np.float32), np.asarray(solid.centre, np.float32)
    ahead = turn[2]
    reach = 1.15 * np.sqrt(turn[:2] ** 2 @ np.square([across, max(up, down), deep])) + sight.pixel
    offset = np.abs(sight.rays - (turn @ centre)[:2, None])
    near = np.flatnonzero((offset[0] < reach[0]) & (offset[1] < reach[1]))
    seen = turn[:2].T @ sight.rays[:, near] - centre[:, None]
    point, width, raised, entry = seen, across, np.zeros(1, np.float32), None
    for _ in range(rounds + 1):
        height = np.where(point[1] < 0, up, down)
        weight = (1 / (width * width), 1 / (height * height), 1 / (deep * deep))
        start = (seen[0], seen[1], seen[2] - raised)
        weighted = [s * w for s, w in zip(start, weight, strict=True)]
        a, b, c = dot(ahead * ahead, weight), dot(ahead, weighted), dot(start, weighted) - 1  # a t^2 + 2 b t + c = 0
        inside = 1 - (c + 1 - b * b / a)  # 1 where a line goes through the middle, 0 where it touches
        root = np.sqrt(np.maximum(inside / a, 0))
        depth = (-root if back else root) - b / a
        point = seen + ahead[:, None] * depth
        if solid.widen is not None:
            width = across * solid.widen(point[1])
        if solid.relief is not None:
            entry = solid.relief.index(point[0], point[1])
            raised = solid.relief.height[entry] * (point[2] > 0)
    # The distance to the outline, measured away from the middle, in pixels.
    away = (1 / np.sqrt(np.maximum(1 - inside, 1e-6)) - 1) * np.hypot(offset[0, near], offset[1, near]) / sight.pixel
    met = np.flatnonzero(away > -0.5)
    cover, point = np.minimum(away[met] + 0.5, 1), point[:, met]
    normal = np.stack([p * np.broadcast_to(w, near.shape)[met] for p, w in zip(point, weight, strict=True)])
    if entry is not None:
        normal[2] -= raised[met] * weight[2]
        normal[:2] -= normal[2] * solid.relief.slope[:, entry[met]] * (point[2] > 0)
    normal = turn @ normal
    normal *= (-1 if back else 1) / np.sqrt(dot(normal, normal) + 1e-9)
    return Hit(near[met], point, normal, depth[met], cover)
