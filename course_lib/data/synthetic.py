"""Drawn faces whose landmarks are known exactly: no photograph of anybody, as many as one likes, the same each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from course_lib.data.container import ImageSet
from course_lib.data.drawn_face import OCCLUSIONS, Colour, Conditions, Identity, draw_face, face_box, landmarks
from course_lib.data.drawn_face.sheet import mix

SKIN = ((250, 222, 204), (238, 200, 174), (226, 180, 148), (204, 152, 116), (168, 116, 82), (126, 84, 60), (88, 58, 44))
HAIR = ((28, 24, 24), (50, 36, 28), (84, 58, 40), (108, 66, 40), (140, 104, 70), (134, 66, 40), (194, 156, 104))
IRIS = ((52, 34, 24), (84, 54, 34), (116, 92, 54), (94, 112, 78), (84, 122, 158), (120, 132, 140))
MASCULINE_STYLES = ("short", "short", "side part", "curly", "receding", "bald", "long")
FEMININE_STYLES = ("long", "bob", "fringe", "curly", "bun", "side part", "long")
MAX_YAW, MAX_PITCH = 30.0, 15.0  # degrees; beyond, the nose and the cheeks begin to hide landmarks
SOURCE = "drawn by course_lib"


@dataclass(frozen=True, eq=False)
class SyntheticFaces:
    """Drawn faces and all that is known of them; N images, identity by identity.

    Attributes:
        images: the pictures, RGB, with the identity as label.
        landmarks: float64 (N, 5, 2): x and y in pixels of ``course_lib.alignment.LANDMARKS``, hidden or not.
        boxes: float64 (N, 4): left, top, right, bottom of the face from hairline to chin, without the ears.
        conditions: of each image: pose, light, expression, occlusion; the arrays below are read from them.
        identities: who is behind each label; ``draw_face(identity, conditions, size)`` draws an image again.
    """

    images: ImageSet
    landmarks: np.ndarray
    boxes: np.ndarray
    conditions: tuple[Conditions, ...]
    identities: tuple[Identity, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        height, width = self.images.images.shape[2:]
        return f"SyntheticFaces({len(self):,} images of {height}x{width}, {len(self.identities):,} identities)"

    @property
    def yaw(self) -> np.ndarray:
        """Float64 (N,) degrees; positive turns the face to the right of the image."""
        return np.array([how.yaw for how in self.conditions])

    @property
    def pitch(self) -> np.ndarray:
        """Float64 (N,) degrees; positive lowers the chin."""
        return np.array([how.pitch for how in self.conditions])

    @property
    def roll(self) -> np.ndarray:
        """Float64 (N,) degrees; positive tilts the head clockwise in the image."""
        return np.array([how.roll for how in self.conditions])

    @property
    def light(self) -> np.ndarray:
        """Float64 (N, 3): azimuth and elevation in degrees (positive from the right, from above), strength 0..1."""
        return np.array([(how.light_azimuth, how.light_elevation, how.light_strength) for how in self.conditions])

    @property
    def expression(self) -> np.ndarray:
        """Float64 (N, 2): smile, -1 sad to 1 broad; opening of the mouth, 0 closed to 1 wide."""
        return np.array([(how.smile, how.opening) for how in self.conditions])

    @property
    def occluded(self) -> np.ndarray:
        """Str (N,): one of ``OCCLUSIONS`` for each image."""
        return np.array([how.occlusion for how in self.conditions])


@dataclass(frozen=True)
class _Limits:
    """Within which conditions are drawn; see ``synthetic_faces``."""

    face: float | tuple[float, float]
    yaw: float
    pitch: float
    roll: float
    shift: float
    occlusion: float

    def __post_init__(self) -> None:
        low, high = self.face_range
        checks = [("face", low, 0.02, 1), ("face, to", high, low, 1), ("max_yaw", self.yaw, 0, MAX_YAW)]
        checks += [("max_pitch", self.pitch, 0, MAX_PITCH), ("max_roll", self.roll, 0, 180)]
        checks += [("max_shift", self.shift, 0, 0.5), ("occlusion", self.occlusion, 0, 1)]
        for name, value, lowest, highest in checks:
            if not lowest <= value <= highest:  # also refuses NaN
                raise ValueError(f"{name} is {value}; expected {lowest}..{highest}")

    @property
    def face_range(self) -> tuple[float, float]:
        """The lowest and the highest share of the image's width."""
        pair = self.face if isinstance(self.face, (tuple, list)) else (self.face, self.face)
        if len(pair) != 2 or not all(isinstance(share, (int, float)) for share in pair):
            raise TypeError(f"face is {self.face!r}; expected a number or a pair (low, high)")
        return tuple(pair)


def synthetic_faces(
    n_identities: int,
    n_images: int,
    seed: int,
    *,
    size: int = 160,
    face: float | tuple[float, float] = 0.5,
    max_yaw: float = 25.0,
    max_pitch: float = 10.0,
    max_roll: float = 15.0,
    max_shift: float = 0.05,
    occlusion: float = 0.0,
) -> SyntheticFaces:
    """Draw ``n_images`` of each of ``n_identities``: the same for the same seed, however many others are asked for.

    Args:
        n_identities: how many people; their proportions, skin, hair, beard and glasses stay from image to image.
        n_images: of each; pose, light, expression, clothes and background differ.
        seed: 0 or more.
        size: width and height of an image in pixels, at least 16.
        face: the share of the image's width that a frontal face takes, 0.02..1; or the range (low, high) from which
            each image draws its own.
        max_yaw: degrees to either side, at most 30.
        max_pitch: degrees up or down, at most 15.
        max_roll: degrees to either side, at most 180.
        max_shift: how far the face is from the middle, as a share of the image's width, at most 0.5.
        occlusion: the probability, 0..1, that something hides part of the face.

    Raises:
        TypeError: a count, the seed or the size is no integer; the face is neither a number nor two.
        ValueError: a value is out of its range.
    """
    limits = _Limits(face, max_yaw, max_pitch, max_roll, max_shift, occlusion)
    _check_integers(n_identities=(n_identities, 1), n_images=(n_images, 1), seed=(seed, 0), size=(size, 16))
    identities = tuple(sample_identity(_generator(seed, who)) for who in range(n_identities))
    drawn = [
        (identity, sample_conditions(_generator(seed, who, image), limits))
        for who, identity in enumerate(identities)
        for image in range(n_images)
    ]
    pixels = np.stack([draw_face(who, how, size) for who, how in drawn])
    labels = torch.arange(n_identities).repeat_interleave(n_images)
    names = tuple(f"drawn {number}" for number in range(n_identities))
    return SyntheticFaces(
        images=ImageSet(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), labels, names, SOURCE),
        landmarks=np.stack([landmarks(who, how, size) for who, how in drawn]),
        boxes=np.stack([face_box(who, how, size) for who, how in drawn]),
        conditions=tuple(how for _, how in drawn),
        identities=identities,
    )


def sample_identity(rng: np.random.Generator) -> Identity:
    """Somebody: proportions around the average, colours and hair that go together."""

    def near(mean: float, spread: float) -> float:
        return float(np.clip(rng.normal(mean, spread), mean - 2.2 * spread, mean + 2.2 * spread))

    masculine, age, tone = rng.random(3)
    bearded = masculine > 0.5 and rng.random() < 0.55
    grey = (age > 0.65) * rng.uniform(0.4, 1)
    dark = tone > 0.55
    hair = mix(HAIR[rng.integers(2 if dark else len(HAIR))], (176, 174, 172), grey)
    return Identity(
        eye_x=near(0.455, 0.022),
        eye_width=near(0.185, 0.012),
        eye_height=near(0.074, 0.009),
        eye_tilt=near(0.04, 0.06),
        brow_y=near(-0.27, 0.03) + 0.04 * (masculine - 0.5),
        brow_thickness=near(0.028, 0.005) + 0.022 * masculine,
        brow_arch=near(0.05, 0.025),
        nose_y=near(0.52, 0.045),
        nose_width=near(0.215, 0.022) + 0.02 * tone,
        nose_depth=near(0.34, 0.04),
        mouth_y=near(1.03, 0.045),
        mouth_width=near(0.37, 0.03),
        lip_thickness=near(0.072, 0.012) + 0.02 * tone,
        chin_y=near(1.70, 0.07) + 0.06 * (masculine - 0.5),
        crown_y=near(-1.45, 0.05),
        jaw=near(0.0, 0.03) + 0.08 * (masculine - 0.5),
        skin=_between(SKIN, tone),
        hair=hair,
        iris=IRIS[rng.integers(2 if dark else len(IRIS))],
        style=str(rng.choice(MASCULINE_STYLES if masculine > 0.5 else FEMININE_STYLES)),
        hair_seed=int(rng.integers(2**31)),
        beard=float(rng.uniform(0.2, 1)) if bearded else 0.0,
        glasses=bool(rng.random() < 0.2),
        age=float(age),
        makeup=float(rng.uniform(0, 0.65)) if masculine < 0.4 else 0.0,
    )


def sample_conditions(rng: np.random.Generator, limits: _Limits) -> Conditions:
    """One way to photograph somebody."""
    yaw, pitch, roll = rng.uniform(-1, 1, 3) * (limits.yaw, limits.pitch, limits.roll)
    hidden, speaking = rng.random(2)
    what, opening = OCCLUSIONS[rng.integers(1, len(OCCLUSIONS))], rng.uniform(0, 0.7)
    return Conditions(
        yaw=float(yaw),
        pitch=float(pitch),
        roll=float(roll),
        light_azimuth=float(rng.uniform(-60, 60)),
        light_elevation=float(rng.uniform(0, 50)),
        light_strength=float(rng.uniform(0.3, 0.75)),
        smile=float(rng.uniform(-0.15, 1)),
        opening=float(opening) if speaking < 0.3 else 0.0,
        occlusion=what if hidden < limits.occlusion else "none",
        face=float(rng.uniform(*limits.face_range)),
        shift=tuple(rng.uniform(-limits.shift, limits.shift, 2).tolist()),
        scene=int(rng.integers(2**31)),
    )


def _generator(seed: int, *path: int) -> np.random.Generator:
    """A stream of its own for each identity (one number) and each image of it (two)."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=path))


def _between(colours: tuple[Colour, ...], share: float) -> Colour:
    """The colour at a share, 0..1, of the way along a row of colours."""
    place = share * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    return mix(colours[first], colours[first + 1], place - first)


def _check_integers(**values: tuple[object, int]) -> None:
    for name, (value, lowest) in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"{name} is {value!r}; expected an integer")
        if value < lowest:
            raise ValueError(f"{name} is {value}; expected at least {lowest}")
