"""From the head to the image: it is turned, projected along parallel lines, then rolled, scaled and shifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_lib.data.drawn_face.model import Conditions, Identity, face_outline, landmarks_3d

PIVOT_Y = 0.35  # the height of the point in the middle of the face that roll and scale leave where it is


def rotation(yaw: float, pitch: float) -> np.ndarray:
    """The matrix (3, 3) that turns a head by angles in degrees, see ``Conditions``."""
    a, b = np.deg2rad([yaw, pitch])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    return nod @ turn


@dataclass(frozen=True)
class Placement:
    """The similarity that takes the turned head into the image.

    Attributes:
        scale: pixels in half a width of the face.
        roll: degrees, clockwise in the image.
        centre: (2,), the pixel where ``PIVOT_Y`` comes to be.
    """

    scale: float
    roll: float
    centre: np.ndarray

    def __repr__(self) -> str:
        x, y = self.centre
        return f"Placement(scale {self.scale:.1f}, roll {self.roll:.1f}, centre {x:.1f}, {y:.1f})"

    @classmethod
    def of(cls, how: Conditions, size: int) -> Placement:
        """In an image of ``size`` by ``size`` pixels."""
        return cls(how.face * size / 2, how.roll, (size - 1) / 2 + size * np.array(how.shift))

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) of turned points (N, 2 or 3)."""
        return self.scale * (points[:, :2] - (0, PIVOT_Y)) @ self._roll().T + self.centre

    def from_image(self, pixels: np.ndarray) -> np.ndarray:
        """The other way: x and y (N, 2) of turned points."""
        return (pixels - self.centre) @ self._roll() / self.scale + (0, PIVOT_Y)

    def _roll(self) -> np.ndarray:
        angle = np.deg2rad(self.roll)
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def landmarks(who: Identity, how: Conditions, size: int) -> np.ndarray:
    """Where the five landmarks (5, 2) are in an image of ``size`` by ``size``, in pixels, hidden or not."""
    return Placement.of(how, size).to_image(landmarks_3d(who, how) @ rotation(how.yaw, how.pitch).T)


def face_box(who: Identity, how: Conditions, size: int) -> np.ndarray:
    """The bounds (4,) of the face from hairline to chin, without ears: left, top, right, bottom, in pixels."""
    outline = Placement.of(how, size).to_image(face_outline(who, how) @ rotation(how.yaw, how.pitch).T)
    return np.concatenate([outline.min(axis=0), outline.max(axis=0)])
