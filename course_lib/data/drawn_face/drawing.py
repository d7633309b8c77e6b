"""One drawn face: a few ellipsoids under a lamp, the first of which wears a painted face.

Every pixel looks along a straight line (orthographic projection) at head, ears, hair, neck and shoulders, and shows
what it meets first. The landmarks are points of the same head, turned by the same matrix.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from course_lib.data.drawn_face.hair import Hair
from course_lib.data.drawn_face.light import linear, shade
from course_lib.data.drawn_face.model import HEAD_DEPTH, Conditions, Identity, head_width, relief
from course_lib.data.drawn_face.paint import paint_face
from course_lib.data.drawn_face.pose import Placement, rotation
from course_lib.data.drawn_face.sheet import BOTTOM, LEFT, RIGHT, TOP, mix, scaled
from course_lib.data.drawn_face.solids import Hit, Sight, Solid, trace


class FaceTables:
    """The painted face and its relief over the same plane, a little finer than the image."""

    def __init__(self, who: Identity, how: Conditions, pixels_per_unit: float) -> None:
        self.density = max(1.2 * pixels_per_unit, 24)
        painted = paint_face(who, how, 2 * self.density)  # twice as fine: what Pillow draws has hard edges
        columns, rows = round((RIGHT - LEFT) * self.density), round((BOTTOM - TOP) * self.density)
        self.shape = (rows, columns)
        self.paint = linear(np.asarray(painted.resize((columns, rows), Image.Resampling.BOX))).reshape(-1, 3)
        x = LEFT + (np.arange(columns, dtype=np.float32) + 0.5) / self.density
        y = TOP + (np.arange(rows, dtype=np.float32) + 0.5) / self.density
        height = relief(who, how, x[None, :], y[:, None]).astype(np.float32)
        down, across = np.gradient(height, 1 / self.density)
        self.height, self.slope = height.ravel(), np.stack([across.ravel(), down.ravel()])

    def index(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The nearest entries (N,) for the points x, y (N,)."""
        column = np.clip((x - LEFT) * self.density, 0, self.shape[1] - 1).astype(np.int32)
        row = np.clip((y - TOP) * self.density, 0, self.shape[0] - 1).astype(np.int32)
        return row * self.shape[1] + column

    def colour(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The paint (N, 3) at the points x, y (N,), between entries."""
        column = np.clip((x - LEFT) * self.density - 0.5, 0, self.shape[1] - 1.001)
        row = np.clip((y - TOP) * self.density - 0.5, 0, self.shape[0] - 1.001)
        left, top = column.astype(np.int32), row.astype(np.int32)
        right_share, lower_share = (column - left)[:, None], (row - top)[:, None]
        first = top * self.shape[1] + left
        upper = self.paint[first] * (1 - right_share) + self.paint[first + 1] * right_share
        below = first + self.shape[1]
        lower = self.paint[below] * (1 - right_share) + self.paint[below + 1] * right_share
        return upper * (1 - lower_share) + lower * lower_share


class Canvas:
    """Pixels in linear light, each with the depth of what it shows.

    Args:
        background: RGB, square.
        placement: of the head in it.
    """

    def __init__(self, background: Image.Image, placement: Placement) -> None:
        self.side = background.width
        self.light = linear(np.asarray(background)).reshape(-1, 3)
        self.depth = np.full(self.side**2, -100, np.float32)
        row, column = np.divmod(np.arange(self.side**2), self.side)
        rays = placement.from_image(np.stack([column, row], axis=1)).T
        self.sight = Sight(np.ascontiguousarray(rays, np.float32), 1 / placement.scale)

    def put(self, hit: Hit, light: np.ndarray, opacity: np.ndarray | float = 1.0) -> None:
        """Show what was hit where it is nearer than what is there: its light (N, 3) and opacity (N,)."""
        nearer = np.clip((hit.depth - self.depth[hit.rays]) / (2 * self.sight.pixel) + 0.5, 0, 1)  # soft where two meet
        opacity = hit.cover * opacity * nearer
        front = opacity > 0
        at, opacity = hit.rays[front], opacity[front]
        self.light[at] += opacity[:, None] * (light[front] - self.light[at])
        self.depth[at] = np.where(opacity > 0.5, hit.depth[front], self.depth[at])

    def finish(self, noise: np.ndarray) -> np.ndarray:
        """The image, uint8 (side, side, 3); ``noise`` is added in steps of its 8 bits."""
        pixels = 255 * np.sqrt(self.light).reshape(self.side, self.side, 3)
        return np.clip(pixels + noise + 0.5, 0, 255).astype(np.uint8)


def draw_face(who: Identity, how: Conditions, size: int) -> np.ndarray:
    """The face as an image, uint8 (size, size, 3), RGB; its landmarks: ``landmarks(who, how, size)``.

    Yaw within 30 and pitch within 15 degrees look right; further, the nose is bent out of shape and hides points.
    """
    rng = np.random.default_rng((how.scene, 1))
    canvas = Canvas(background(rng, size), Placement.of(how, size))
    turn, hair = rotation(how.yaw, how.pitch), Hair(who)
    if hair.style.behind:
        put_hair(canvas, hair, turn, how, back=True)
    put_body(canvas, who, how, rng)
    put_head(canvas, hair, how, turn)
    put_hair(canvas, hair, turn, how, back=False)
    if who.style == "bun":
        bun = trace(Solid((0, who.crown_y - 0.1, -0.5), (0.42, 0.38, 0.38, 0.42), turn), canvas.sight)
        canvas.put(bun, hair.colour(bun, how))
    if how.occlusion == "hand":
        put_hand(canvas, who, how, rng)
    return canvas.finish(rng.normal(0, 1.2, (size, size, 3)))


def background(rng: np.random.Generator, size: int) -> Image.Image:
    """A room or a garden, far out of focus."""
    base = rng.uniform(50, 210) + rng.normal(0, 9, 3)
    patches = base + rng.uniform(5, 35) * (rng.normal(0, 1, (6, 6, 1)) + rng.normal(0, 0.15, (6, 6, 3)))
    small = Image.fromarray(np.clip(patches, 0, 255).astype(np.uint8))
    return small.resize((size, size), Image.Resampling.BICUBIC)


def put_hair(canvas: Canvas, hair: Hair, turn: np.ndarray, how: Conditions, *, back: bool) -> None:
    """The hair in front of the head, or what is seen of it behind."""
    hit = trace(hair.solid(turn), canvas.sight, back=back)
    cover = np.maximum(hair.cover(hit.point, max(hair.style.soft, canvas.sight.pixel)), 0)
    if back:  # in the shadow of the head, and never level with the hair in front
        canvas.put(replace(hit, depth=hit.depth - 0.3), 0.4 * hair.colour(hit, how), cover)
    else:
        canvas.put(hit, hair.colour(hit, how), cover)


def put_body(canvas: Canvas, who: Identity, how: Conditions, rng: np.random.Generator) -> None:
    """Neck, shoulders and clothes, which follow a part of the head's turn."""
    turn = rotation(0.3 * how.yaw, 0.15 * how.pitch)
    neck = trace(Solid((0, 1.6, -0.42), (0.60, 1.3, 2.0, 0.58), turn), canvas.sight)
    from_chin = np.clip((neck.point[1] + 1.6 - who.chin_y + 0.05) / 0.8, 0, 1)[:, None]
    shadow = (0.24 + 0.70 * from_chin) ** np.array([0.8, 1.0, 1.1], np.float32)
    canvas.put(neck, shade(linear(who.skin) * shadow, neck.normal, how))
    torso = trace(Solid((0, 3.9, -0.5), (2.3, 2.0, 12.0, 1.1), turn), canvas.sight)
    x, y = torso.point[0], torso.point[1] + 2.0
    cloth = linear(np.clip(rng.uniform(25, 205) + rng.normal(0, 35, 3), 10, 245))
    if rng.random() < 0.25:
        cloth = cloth * np.where(np.sin(rng.uniform(12, 25) * y) > 0, 1, 0.45)[:, None]
    collar = np.hypot(x / rng.uniform(0.74, 0.9), y / rng.uniform(0.6, 1.1))
    skin = np.clip((1 - collar) / 0.03, 0, 1)[:, None]
    hem = 1 - 0.4 * np.exp(-(((collar - 1.03) / 0.05) ** 2))[:, None]
    albedo = skin * linear(who.skin) * 0.9 + (1 - skin) * cloth * hem
    canvas.put(torso, shade(albedo.astype(np.float32), torso.normal, how))


def put_head(canvas: Canvas, hair: Hair, how: Conditions, turn: np.ndarray) -> None:
    """The head with its painted face, in the shadow of its hair, between the two ears."""
    who = hair.who
    far = 1 if how.yaw > 0 else -1
    if not hair.hides_ears:
        put_ear(canvas, who, how, turn, far)
    tables = FaceTables(who, how, 1 / canvas.sight.pixel)
    radii = (1, -who.crown_y, who.chin_y, HEAD_DEPTH)
    hit = trace(Solid((0, 0, 0), radii, turn, lambda y: head_width(who, y), tables), canvas.sight, rounds=4)
    x, y, _ = hit.point
    albedo = tables.colour(x, y)
    above_jaw = np.clip(np.maximum((1.2 - y) / 0.5, (np.abs(x) - 0.55) / 0.15), 0, 1)  # below it hair hangs free
    under_hair = hair.cover(hit.point, 0.14)
    shadow, scalp = np.clip(1 + under_hair, 0, 1) * above_jaw, np.clip(3 * under_hair, 0, 1) * above_jaw
    albedo *= 1 - shadow[:, None] * np.array([0.40, 0.50, 0.53], np.float32)
    albedo += scalp[:, None] * (0.36 * linear(who.hair) - albedo)
    canvas.put(hit, shade(albedo, hit.normal, how, shine=0.05))
    if not hair.hides_ears:
        put_ear(canvas, who, how, turn, -far)


def put_ear(canvas: Canvas, who: Identity, how: Conditions, turn: np.ndarray, side: int) -> None:
    """A flat ellipsoid that stands off the head, with a hollow inside its rim."""
    outwards = rotation(-30 * side, 0)
    centre = outwards.T @ (side * 1.03, 0.24, -0.2)
    hit = trace(Solid(centre, (0.10, 0.36, 0.30, 0.21), turn @ outwards), canvas.sight)
    _, y, z = hit.point
    rim = np.hypot((y + 0.02) / 0.24, z / 0.13)
    hollow = 0.55 * np.clip((1.15 - rim) / 0.4, 0, 1) * np.exp(-(((z - 0.02) / 0.14) ** 2))
    skin = linear(scaled(who.skin, 0.98, 0.88, 0.85)) * (1 - hollow)[:, None]
    canvas.put(hit, shade(skin.astype(np.float32), hit.normal, how))


def put_hand(canvas: Canvas, who: Identity, how: Conditions, rng: np.random.Generator) -> None:
    """Four fingers and the back of a hand before the mouth."""
    lean = np.deg2rad(rng.uniform(-35, 35))
    turn = np.array([[np.cos(lean), -np.sin(lean), 0], [np.sin(lean), np.cos(lean), 0], [0, 0, 1]])
    knuckles = turn.T @ (0, who.mouth_y + 0.35, 1.75)
    fingers = [
        ((x, 0, 0), (0.16, tip, 0.9, 0.15)) for x, tip in ((-0.42, 0.62), (-0.14, 0.78), (0.14, 0.74), (0.42, 0.55))
    ]
    for offset, radii in [*fingers, ((0, 0.75, -0.1), (0.62, 0.62, 1.5, 0.24))]:
        hit = trace(Solid(knuckles + offset, radii, turn), canvas.sight)
        edge = (0.5 + 0.5 * np.maximum(hit.normal[2], 0) ** 0.7)[:, None]
        canvas.put(hit, shade(linear(mix(who.skin, (200, 110, 90), 0.1)) * edge, hit.normal, how))
