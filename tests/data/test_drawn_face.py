"""A seed draws the same faces in every version of the course: what was measured on them stays true.

`python tests/data/test_drawn_face.py` records the pictures anew, once they are meant to be others.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from course_lib.data import synthetic_faces
from course_lib.data.drawn_face import Conditions, Identity, draw_face

RECORDED = Path(__file__).with_name("drawn_faces.csv")
SIZE, BLOCKS = 96, 4
TURNED = {"yaw": 20, "pitch": -8, "roll": 12, "light_azimuth": 40, "light_strength": 0.7, "face": 0.8}
BEARD = {"beard": 0.6, "age": 0.7, "skin": (126, 84, 60)}
# Each style, what is worn, and every branch of the painting.
FACES = {
    "short": ({}, {}),
    "side part, stubble": ({"style": "side part", "beard": 0.3}, {"scene": 1}),
    "fringe, glasses": ({"style": "fringe", "glasses": True, "hair_seed": 3}, {"scene": 2, **TURNED}),
    "bob, makeup": ({"style": "bob", "makeup": 0.6, "hair_seed": 1}, {"scene": 3, "smile": 0.9, "pitch": 9}),
    "long, open mouth": ({"style": "long", "makeup": 0.3}, {"scene": 4, "opening": 0.6, "yaw": -22}),
    "curly, freckles": ({"style": "curly", "hair_seed": 7, "eye_tilt": 0.1}, {"scene": 5, "smile": -0.5}),
    "bun, sunglasses": ({"style": "bun", "hair_seed": 2}, {"scene": 6, "occlusion": "sunglasses", "yaw": 10}),
    "receding, old": ({"style": "receding", "hair_seed": 4, **BEARD}, {"scene": 7, **TURNED}),
    "bald, mask": ({"style": "bald", "jaw": 0.05, "age": 0.53}, {"scene": 8, "occlusion": "mask"}),
    "short, hand": ({"hair_seed": 5}, {"scene": 9, "occlusion": "hand", "light_azimuth": 50, "smile": 0.7}),
    "glasses under sunglasses": ({"glasses": True}, {"scene": 10, "occlusion": "sunglasses"}),
    "far away": ({"style": "long", "skin": (88, 58, 44)}, {"scene": 11, "face": 0.15, "shift": (0.2, -0.1)}),
    "near": ({"style": "curly", "hair_seed": 1}, {"scene": 12, "face": 1.4, "shift": (0.0, 0.1), "yaw": -15}),
}
DRAWN = [f"drawn {number}" for number in range(16)]


@cache
def pictures() -> dict[str, np.ndarray]:
    """uint8 (96, 96, 3) each."""
    by_hand = {name: draw_face(Identity(**who), Conditions(**how), SIZE) for name, (who, how) in FACES.items()}
    drawn = synthetic_faces(8, 2, seed=11, size=SIZE, face=(0.4, 0.9), occlusion=0.4)
    return by_hand | dict(zip(DRAWN, drawn.images.images.permute(0, 2, 3, 1).numpy(), strict=True))


def blocks(picture: np.ndarray) -> np.ndarray:
    """The mean colour of each of 4 x 4 parts of a picture, row by row: float64 (48,)."""
    side = SIZE // BLOCKS
    return picture.reshape(BLOCKS, side, BLOCKS, side, 3).mean((1, 3)).ravel()


def recorded() -> dict[str, np.ndarray]:
    rows = [line.rsplit(";", 1) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    return {name: np.array(values.split(), float) for name, values in rows}


@pytest.mark.parametrize("name", [*FACES, *DRAWN])
def test_a_face_is_drawn_as_it_always_was(name: str) -> None:
    """To 0.02 of 255 steps in each part: ten pixels that differ by two steps are seen, and rounding is not."""
    np.testing.assert_allclose(blocks(pictures()[name]), recorded()[name], atol=0.02)


if __name__ == "__main__":
    lines = [f"{name};{' '.join(f'{mean:.3f}' for mean in blocks(picture))}" for name, picture in pictures().items()]
    RECORDED.write_text("\n".join(lines) + "\n", encoding="utf-8")
