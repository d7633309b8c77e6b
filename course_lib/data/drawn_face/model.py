"""What a drawn face is: the proportions of one identity, the conditions of one photograph, and its points in 3-D.

Lengths are in half widths of the face. The head looks along +z; x runs to the right of the image, y down, and the
origin is inside the head, midway between the eyes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]
OCCLUSIONS = ("none", "sunglasses", "mask", "hand")
HAIR_STYLES = ("short", "side part", "fringe", "bob", "long", "curly", "bun", "receding", "bald")
HEAD_DEPTH = 1.22  # from the head's middle to the forehead
HAIRLINE_Y = -0.95


@dataclass(frozen=True)
class Identity:
    """Who it is: proportions, in half widths of the face, and looks.

    Raises:
        ValueError: ``style`` is not one of ``HAIR_STYLES``.
    """

    eye_x: float = 0.455  # half the distance between the eyes
    eye_width: float = 0.185  # half of one eye's
    eye_height: float = 0.075
    eye_tilt: float = 0.0  # radians; positive lifts the outer corners
    brow_y: float = -0.27
    brow_thickness: float = 0.045
    brow_arch: float = 0.05
    nose_y: float = 0.52
    nose_width: float = 0.22
    nose_depth: float = 0.34
    mouth_y: float = 1.03
    mouth_width: float = 0.37  # half of it
    lip_thickness: float = 0.075
    chin_y: float = 1.72
    crown_y: float = -1.45
    jaw: float = 0.0  # how much wider (or narrower) than an ellipse the jaw is
    skin: Colour = (224, 178, 148)
    hair: Colour = (70, 48, 36)
    iris: Colour = (96, 66, 44)
    style: str = "short"
    hair_seed: int = 0
    beard: float = 0.0  # 0 none, 0.5 stubble, 1 full
    glasses: bool = False
    age: float = 0.3  # 0 young, 1 old
    makeup: float = 0.0  # 0 none, 1 strong

    def __post_init__(self) -> None:
        if self.style not in HAIR_STYLES:
            raise ValueError(f"style is {self.style!r}; expected one of {', '.join(HAIR_STYLES)}")


@dataclass(frozen=True)
class Conditions:
    """How it was photographed: pose and light in degrees, expression, what hides the face.

    Attributes:
        yaw: positive turns the face to the right of the image.
        pitch: positive lowers the chin.
        roll: positive tilts the head clockwise in the image.
        light_azimuth: where the light comes from: positive is the right of the image, 0 the camera.
        light_elevation: positive is above.
        light_strength: 0 is even light from everywhere, 1 a single lamp.
        smile: -1 sad, 0 neutral, 1 broad.
        opening: of the mouth, 0 closed, 1 wide.
        occlusion: one of ``OCCLUSIONS``.
        face: how much of the image's width a frontal face takes, 0..1.
        shift: how far right and down of the image's middle the face is, in widths of the image.
        scene: seeds the background, the clothes, the gaze and the camera's noise.

    Raises:
        ValueError: ``occlusion`` is not one of ``OCCLUSIONS``.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    light_azimuth: float = -30.0
    light_elevation: float = 30.0
    light_strength: float = 0.5
    smile: float = 0.2
    opening: float = 0.0
    occlusion: str = "none"
    face: float = 0.5
    shift: tuple[float, float] = (0.0, 0.0)
    scene: int = 0

    def __post_init__(self) -> None:
        if self.occlusion not in OCCLUSIONS:
            raise ValueError(f"occlusion is {self.occlusion!r}; expected one of {', '.join(OCCLUSIONS)}")


def mouth_corners(who: Identity, how: Conditions) -> np.ndarray:
    """Left and right corner (2, 2) in the plane of the face: x, y."""
    half = who.mouth_width * (1 + 0.14 * how.smile - 0.12 * how.opening)
    y = who.mouth_y - 0.01 - 0.05 * how.smile + 0.03 * how.opening
    return np.array([(-half, y), (half, y)])


def head_width(who: Identity, y: np.ndarray) -> np.ndarray:
    """How much wider than an ellipsoid the head is at height ``y``: towards the crown and at the jaw."""
    towards_crown = np.clip(y / who.crown_y, 0, 1)
    return 1 + 0.22 * towards_crown**3 + (0.05 + who.jaw) * np.exp(-(((y - 1.15) / 0.42) ** 2))


def relief(who: Identity, how: Conditions, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far the face stands out of the ellipsoid of the head at the points (``x``, ``y``), which broadcast."""

    def bump(height: float, at: tuple[float, float], spread: tuple[float, float]) -> np.ndarray:
        across = np.exp(-0.5 * ((np.abs(x) - at[0]) / spread[0]) ** 2)  # both sides of the face alike
        return height * across * np.exp(-0.5 * ((y - at[1]) / spread[1]) ** 2)

    corner_x, mouth_y = mouth_corners(who, how)[1]
    down = np.clip((y + 0.12) / (who.nose_y + 0.12), 0, 1.2)  # along the ridge of the nose: 0 root, 1 tip
    below = 1 / (1 + np.exp(np.clip((y - who.nose_y - 0.12) / 0.038, -30, 30)))
    width = 0.075 + 0.42 * who.nose_width * down**2
    nose = who.nose_depth * down**1.25 * below * np.exp(-0.5 * (x / width) ** 2)
    cheeks = 0.07 + 0.05 * max(how.smile, 0)
    return (
        nose
        + bump(0.10, (0.75 * who.nose_width, who.nose_y + 0.05), (0.06, 0.065))  # nostrils' wings
        + bump(-0.12, (who.eye_x, -0.02), (0.19, 0.13))  # sockets
        + bump(0.07, (who.eye_x, 0.01), (0.11, 0.07))  # eyeballs
        + bump(0.07, (0.35, who.brow_y + 0.02), (0.30, 0.09))  # brow ridge
        + bump(cheeks, (0.56, 0.45 - 0.04 * how.smile), (0.2, 0.2))
        + bump(0.12, (0, mouth_y), (0.36, 0.30))
        + bump(0.05, (0, mouth_y - 0.07), (0.6 * corner_x, 0.05))  # upper lip
        + bump(0.06, (0, mouth_y + 0.09 + 0.2 * how.opening), (0.5 * corner_x, 0.05))  # lower lip
        + bump(-0.04, (0, mouth_y + 0.27 + 0.2 * how.opening), (0.25, 0.07))
        + bump(0.16, (0, who.chin_y - 0.22), (0.26, 0.17))
    )


def surface(who: Identity, how: Conditions, points: np.ndarray) -> np.ndarray:
    """The points (N, 3) of the head's front whose x and y are ``points`` (N, 2)."""
    x, y = points.T
    half_height = np.where(y < 0, -who.crown_y, who.chin_y)
    inside = 1 - (x / head_width(who, y)) ** 2 - (y / half_height) ** 2
    depth = HEAD_DEPTH * np.sqrt(np.maximum(inside, 0)) + relief(who, how, x, y)
    return np.stack([x, y, depth], axis=1)


def landmarks_3d(who: Identity, how: Conditions) -> np.ndarray:
    """Eyes, tip of the nose and corners of the mouth (5, 3), in the order of ``course_lib.alignment.LANDMARKS``."""
    tip_y = who.nose_y + 0.02  # where the relief stands out most
    eyes_and_nose = np.array([(-who.eye_x, 0), (who.eye_x, 0), (0, tip_y)])
    return surface(who, how, np.concatenate([eyes_and_nose, mouth_corners(who, how)]))


def face_outline(who: Identity, how: Conditions) -> np.ndarray:
    """Points (N, 3) all over the front of the head, from the hairline to the chin, whose bounds are the face's box."""
    y = np.linspace(HAIRLINE_Y, who.chin_y, 25)
    half_height = np.where(y < 0, -who.crown_y, who.chin_y)
    half_width = head_width(who, y) * np.sqrt(np.maximum(1 - (y / half_height) ** 2, 0))
    across = np.linspace(-1, 1, 25)
    grid = np.stack([np.outer(half_width, across), np.repeat(y[:, None], 25, axis=1)], axis=-1)
    return surface(who, how, grid.reshape(-1, 2))
