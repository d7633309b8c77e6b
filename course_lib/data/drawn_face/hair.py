"""The hair of a drawn head: styles, where each ends, and how strands vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.data.drawn_face.light import linear, shade
from course_lib.data.drawn_face.model import HEAD_DEPTH, Conditions, Identity, head_width
from course_lib.data.drawn_face.solids import Hit, Solid


@dataclass(frozen=True)
class Style:
    """How hair is worn.

    Attributes:
        end: where it ends, as pairs of the angle around the head (degrees: 0 the forehead, 90 an ear, 180 the back)
            and the height y.
        volume: how far it stands off the head at the sides and at the top, and how far down it could reach.
        parting: degrees by which the gap at the forehead is off the middle.
        ragged: how uneven it ends.
        soft: over what length it thins out at its end.
        curl: how far strands wave, in degrees around the head.
        behind: whether some of it is seen behind the neck.
    """

    end: tuple[tuple[float, float], ...]
    volume: tuple[float, float, float]
    parting: float = 0
    ragged: float = 0.04
    soft: float = 0.12
    curl: float = 1.6
    behind: bool = False


CROPPED = ((60, -0.34), (72, -0.18), (79, 0.22), (88, 0.1), (100, 0.2), (125, 0.8), (180, 1.0))
STYLES = {
    "short": Style(((0, -0.98), (22, -1.0), (38, -0.90), (50, -0.66), *CROPPED), (0.05, 0.14, 2.0), soft=0.2),
    "side part": Style(((0, -0.90), (25, -0.80), (48, -0.62), *CROPPED), (0.07, 0.22, 2.0), parting=20),
    "fringe": Style(
        ((0, -0.50), (30, -0.47), (48, -0.42), (57, 0.1), (66, 0.9), (80, 1.15), (180, 1.4)),
        (0.13, 0.20, 2.8),
        ragged=0.07,
        soft=0.05,
        behind=True,
    ),
    "bob": Style(
        ((0, -0.98), (22, -0.84), (40, -0.50), (53, 0.2), (60, 1.05), (75, 1.3), (180, 1.45)),
        (0.16, 0.22, 2.9),
        parting=16,
        ragged=0.06,
        soft=0.06,
        behind=True,
    ),
    "long": Style(
        ((0, -1.02), (20, -0.88), (38, -0.52), (52, 0.1), (61, 1.6), (70, 2.7), (180, 2.9)),
        (0.15, 0.22, 5.0),
        parting=12,
        ragged=0.08,
        soft=0.07,
        behind=True,
    ),
    "curly": Style(
        ((0, -0.88), (30, -0.82), (48, -0.60), (60, -0.20), (70, 0.3), (90, 0.5), (180, 0.9)),
        (0.26, 0.36, 2.0),
        ragged=0.10,
        soft=0.08,
        curl=14,
        behind=True,
    ),
    "bun": Style(
        ((0, -1.02), (30, -0.94), (48, -0.74), (62, -0.35), (76, -0.05), (90, -0.05), (105, 0.3), (180, 0.9)),
        (0.035, 0.08, 2.0),
    ),
    "receding": Style(((0, -1.22), (14, -1.22), (30, -1.36), (44, -1.05), *CROPPED), (0.04, 0.05, 2.0), soft=0.18),
    "bald": Style(((0, -9.0), (180, -9.0)), (0.01, 0.01, 2.0)),
}


@dataclass(frozen=True)
class Hair:
    """The hair of one identity."""

    who: Identity

    @property
    def style(self) -> Style:
        """How it is worn."""
        return STYLES[self.who.style]

    @property
    def hides_ears(self) -> bool:
        """Whether it falls over the ears."""
        return float(np.interp(90, *np.array(self.style.end).T)) > 0.4

    def solid(self, turn: np.ndarray) -> Solid:
        """The surface it lies on, of a head turned by ``turn`` (3, 3)."""
        sides, top, down = self.style.volume
        front = 0.6 * sides + 0.05 if self.style.behind else 0.5 * sides + 0.02
        radii = (1 + sides, top - self.who.crown_y, down, HEAD_DEPTH + front)
        return Solid((0, 0, -0.03), radii, turn, self._width)

    def cover(self, point: np.ndarray, soft: float) -> np.ndarray:
        """How much of it there is (N,) at points (3, N): 1, less over the length ``soft``, negative beyond its end."""
        x, y, z = point
        angle = np.rad2deg(np.arctan2(x, z))
        degrees, heights = np.array(self.style.end, np.float32).T
        parting = self.style.parting * (1 if self.who.hair_seed % 2 else -1)
        end = np.interp(np.abs(angle - parting * np.maximum(z, 0)), degrees, heights)
        end += self.style.ragged * self._strands(angle, 240)
        return np.minimum((end - y) / soft, 1).astype(np.float32)

    def colour(self, hit: Hit, how: Conditions) -> np.ndarray:
        """Light (N, 3) from its strands."""
        x, y, z = hit.point
        angle = np.rad2deg(np.arctan2(x, z))
        wave = angle + self.style.curl * np.sin(7 * y + 0.13 * angle)
        tone = 0.45 * self._strands(wave, 300) + 0.30 * self._strands(wave + 3 * y, 90)
        if self.style.curl > 5:
            tone += 0.3 * np.sin(20 * y + 4 * self._strands(angle, 40)) * np.sin(0.45 * angle + 3 * np.sin(8 * y))
        contrast = 1 - 0.6 * np.mean(self.who.hair) / 255  # fair and grey hair shows its gaps less
        tone = np.maximum(1 + contrast * tone, 0.2)[:, None]
        albedo = linear(self.who.hair) * tone
        gleam = np.exp(-(((hit.normal[1] + 0.62) / 0.20) ** 2))[:, None] * tone * (0.25 + 0.25 * how.light_strength)
        return shade(albedo, hit.normal, how, soft=0.15) + gleam * (albedo + 0.015)

    def _width(self, y: np.ndarray) -> np.ndarray:
        """Of the surface it lies on; hair that ends at the ears lies close to the head there."""
        width = head_width(self.who, y)
        if self.style.behind:
            return width
        return width * (1 - self.style.volume[0] * np.clip((y + 1.1) / 0.6, 0, 0.85))

    def _strands(self, angle: np.ndarray, count: int) -> np.ndarray:
        """Smooth noise within -1..1 that changes ``count`` times around the head."""
        values = np.random.default_rng((self.who.hair_seed, count)).uniform(-1, 1, count).astype(np.float32)
        place = angle * (count / 360)
        first = np.floor(place).astype(np.int32)
        share = place - first
        return values[first % count] * (1 - share) + values[(first + 1) % count] * share
