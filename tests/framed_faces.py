"""Faces of ORL as photographs."""

from __future__ import annotations

import numpy as np
from PIL import Image

from course_lib.data import orl_faces


def orl_photograph(person: int, number: int = 0) -> Image.Image:
    """An ORL face in a frame of its own grey, as a photograph has it around."""
    face = orl_faces().images[10 * person + number, 0].numpy()
    return Image.fromarray(np.pad(face, 30, mode="reflect")).resize((228, 258))
