"""What a face detector is: a photograph in, boxes with five landmarks out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from course_lib.alignment.photograph import Photograph

LANDMARKS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")  # left and right in the image


@dataclass(frozen=True, eq=False)
class Face:
    """A detected face, in pixels of the photograph it was found in: (0, 0) is the centre of the first pixel.

    Attributes:
        box: float64 (4,): left, top, right, bottom. It may reach beyond the photograph.
        landmarks: float64 (5, 2): x and y of ``LANDMARKS``. They may lie outside the photograph.
        score: how sure the detector is, 0..1.
    """

    box: np.ndarray
    landmarks: np.ndarray
    score: float

    def __repr__(self) -> str:
        left, top, right, bottom = (f"{side:.0f}" for side in self.box)
        return f"Face(x {left} to {right}, y {top} to {bottom}, score {self.score:.3f})"

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        left, top, right, bottom = self.box
        return float((right - left) * (bottom - top))


class Detector(Protocol):
    """Finds faces. ``MTCNN`` and ``RetinaFace`` are two; anything with these methods will do."""

    def detect(self, image: Photograph) -> list[Face]:
        """All faces of one photograph (see ``as_rgb``), the surest first; an empty list if there is none."""
        ...

    def detect_many(self, images: Sequence[Photograph]) -> list[list[Face]]:
        """The faces of each photograph, of any sizes: the same as ``detect`` on each, up to rounding."""
        ...
