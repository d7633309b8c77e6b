from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.alignment import LANDMARKS
from course_lib.data import synthetic_faces
from course_lib.data.drawn_face import (
    HAIR_STYLES,
    OCCLUSIONS,
    Conditions,
    Identity,
    draw_face,
    drawing,
    face_box,
    landmarks,
)
from course_lib.data.drawn_face.hair import STYLES
from course_lib.data.drawn_face.model import landmarks_3d, surface
from course_lib.data.drawn_face.sheet import Sheet, ellipse
from course_lib.data.synthetic import HAIR, IRIS, SKIN, SyntheticFaces, _Limits, sample_conditions, sample_identity

PLAIN = Identity(style="bald")
EVEN_LIGHT = Conditions(light_strength=0)


@pytest.fixture(scope="module")
def faces() -> SyntheticFaces:
    return synthetic_faces(6, 3, seed=0, size=80)


def test_a_set_is_what_it_says(faces: SyntheticFaces):
    assert len(faces) == 18 and faces.images.images.shape == (18, 3, 80, 80)
    assert faces.images.labels.tolist() == [who for who in range(6) for _ in range(3)]
    assert faces.landmarks.shape == (18, len(LANDMARKS), 2) and faces.landmarks.dtype == np.float64
    assert faces.boxes.shape == (18, 4) and faces.boxes.dtype == np.float64
    assert faces.light.shape == (18, 3) and faces.expression.shape == (18, 2)
    assert set(faces.occluded) == {"none"}
    for angles, limit in ((faces.yaw, 25), (faces.pitch, 10), (faces.roll, 15)):
        assert angles.shape == (18,) and 0.5 * limit < np.abs(angles).max() <= limit
    left, top, right, bottom = faces.boxes.T[..., None]
    x, y = faces.landmarks[..., 0], faces.landmarks[..., 1]
    assert ((left <= x) & (x <= right) & (top <= y) & (y <= bottom)).all()


def test_the_seed_decides_and_images_do_not_depend_on_the_others(faces: SyntheticFaces):
    fewer = synthetic_faces(2, 2, seed=0, size=80)
    chosen = [0, 1, 3, 4]
    assert torch.equal(fewer.images.images, faces.images.images[chosen])
    assert np.array_equal(fewer.landmarks, faces.landmarks[chosen])
    assert fewer.identities == faces.identities[:2]
    assert not torch.equal(synthetic_faces(2, 2, seed=1, size=80).images.images, fewer.images.images)
    assert len({image.numpy().tobytes() for image in faces.images.images}) == len(faces)


def test_asking_for_occlusion_changes_nothing_else(faces: SyntheticFaces):
    hidden = synthetic_faces(6, 3, seed=0, size=80, occlusion=1.0)
    assert "none" not in hidden.occluded and set(hidden.occluded) <= set(OCCLUSIONS)
    assert np.array_equal(hidden.landmarks, faces.landmarks)
    redrawn = draw_face(hidden.identities[2], replace(hidden.conditions[7], occlusion="none"), 80)
    assert np.array_equal(redrawn, faces.images.images[7].permute(1, 2, 0).numpy())


def inter_ocular(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


def weighted_centre(weight: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(weight.shape)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (30, 0, 0), (-30, -15, 0), (25, 10, 40), (-25, 10, -90), (0, 15, 180)]
)
@pytest.mark.parametrize("who", [PLAIN, Identity(style="bald", eye_x=0.42, nose_y=0.6, nose_depth=0.38, chin_y=1.8)])
def test_what_is_painted_at_a_landmark_is_seen_where_the_landmark_is(yaw, pitch, roll, who, monkeypatch):
    # A head in black with one magenta dot, found again by its colour: nothing of the projection is used.
    size = 240
    how = replace(EVEN_LIGHT, yaw=yaw, pitch=pitch, roll=roll, smile=0.7, shift=(0.04, -0.03))
    for number, (x, y, _) in enumerate(landmarks_3d(who, how)):

        def magenta(image: np.ndarray) -> np.ndarray:
            red, green, blue = image.astype(float).transpose(2, 0, 1)
            return np.clip(np.minimum(red, blue) - green - 40, 0, None)

        def dotted(who: Identity, how: Conditions, density: float, x=x, y=y) -> object:
            sheet = Sheet((0, 0, 0), density)
            sheet.shape(ellipse(x, y, 0.03, 0.03), (255, 0, 255))
            return sheet.image

        monkeypatch.setattr(drawing, "paint_face", lambda who, how, density: Sheet((0, 0, 0), density).image)
        plain = magenta(draw_face(who, how, size))
        monkeypatch.setattr(drawing, "paint_face", dotted)
        seen = np.clip(magenta(draw_face(who, how, size)) - plain, 0, None)
        expected = landmarks(who, how, size)
        assert seen.sum() > 300
        assert np.linalg.norm(weighted_centre(seen) - expected[number]) < 0.03 * 2 * who.eye_x * how.face * size / 2


def test_the_features_are_at_the_landmarks():
    size = 320
    who, how = replace(PLAIN, makeup=0.6), EVEN_LIGHT
    image = draw_face(who, how, size).astype(float)
    points = landmarks(who, how, size)

    def patch(x: float, y: float) -> np.ndarray:
        column, row = round(x), round(y)
        return image[row - 1 : row + 2, column - 1 : column + 2].mean((0, 1))

    cheek = patch(*(points[1] + points[4]) / 2)
    mouth = (points[3] + points[4]) / 2
    assert patch(*points[0]).max() < 60 and patch(*points[1]).max() < 60  # pupils
    for side in (points[3], points[4]):
        assert patch(*side).sum() < 0.75 * cheek.sum()  # the dark of the corners
    lip = patch(mouth[0], mouth[1] + 0.05 * size / 4)
    assert lip[1] / lip[0] < 0.8 * cheek[1] / cheek[0]  # red
    # The dark of each pupil lies around the landmark, on both sides alike.
    for eye in points[:2]:
        column, row = np.round(eye).astype(int)
        window = image[row - 4 : row + 5, column - 4 : column + 5].max(2)
        assert np.abs(weighted_centre(window < 60) - 4 - (eye - (column, row))).max() < 1.5


def test_the_nose_is_where_the_head_stands_out_most():
    tip = landmarks_3d(PLAIN, EVEN_LIGHT)[2]
    for step in (-0.1, -0.05, 0.05, 0.1):
        assert surface(PLAIN, EVEN_LIGHT, tip[None, :2] + (0, step))[0, 2] < tip[2]
        assert surface(PLAIN, EVEN_LIGHT, tip[None, :2] + (step, 0))[0, 2] < tip[2]


@given(size=st.integers(16, 2000), factor=st.integers(2, 5))
def test_landmarks_and_boxes_scale_with_the_image(size: int, factor: int):
    how = Conditions(yaw=20, pitch=5, roll=10, face=0.4, shift=(0.1, -0.05))
    # Pixel centres are at whole numbers, so the image's left edge is at -0.5.
    for measure in (landmarks, face_box):
        small, large = measure(PLAIN, how, size), measure(PLAIN, how, size * factor)
        np.testing.assert_allclose((large + 0.5) / factor, small + 0.5, atol=1e-8)


@given(
    roll=st.floats(-180, 180),
    yaw=st.floats(-30, 30),
    pitch=st.floats(-15, 15),
    shift=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
)
def test_roll_turns_the_landmarks_about_the_place_of_the_face(roll, yaw, pitch, shift):
    upright = Conditions(yaw=yaw, pitch=pitch, shift=shift)
    centre = 79.5 + 160 * np.array(shift)
    before = landmarks(PLAIN, upright, 160) - centre
    after = landmarks(PLAIN, replace(upright, roll=roll), 160) - centre
    # Independent of matrices: complex numbers; y points down, so a positive angle is clockwise.
    turned = (before[:, 0] + 1j * before[:, 1]) * np.exp(1j * np.deg2rad(roll))
    np.testing.assert_allclose(after[:, 0] + 1j * after[:, 1], turned, atol=1e-9)


def test_signs_of_the_angles():
    frontal = landmarks(PLAIN, EVEN_LIGHT, 160)
    assert np.allclose(frontal[0, 0] + frontal[1, 0], 159) and np.allclose(frontal[0, 1], frontal[1, 1])
    nose_of = {name: landmarks(PLAIN, replace(EVEN_LIGHT, **{name: 10}), 160)[2] for name in ("yaw", "pitch")}
    assert nose_of["yaw"][0] > frontal[2, 0] + 3 and nose_of["pitch"][1] > frontal[2, 1] + 3
    rolled = landmarks(PLAIN, replace(EVEN_LIGHT, roll=10), 160)
    assert rolled[1, 1] > rolled[0, 1] + 3  # clockwise: the eye on the right goes down


def test_turning_foreshortens_by_the_cosine():
    # Eyes are level and mirror images, so their distance shrinks by exactly cos(yaw).
    frontal = inter_ocular(landmarks(PLAIN, EVEN_LIGHT, 160))
    turned = inter_ocular(landmarks(PLAIN, replace(EVEN_LIGHT, yaw=30), 160))
    assert turned == pytest.approx(frontal * np.cos(np.pi / 6))


def after_similarity(points: np.ndarray) -> np.ndarray:
    """Five points with mean 0, size 1 and eyes level, as complex numbers."""
    shape = points[..., 0] + 1j * points[..., 1]
    shape = shape - shape.mean(-1, keepdims=True)
    eyes = shape[..., 1] - shape[..., 0]
    return shape * (np.abs(eyes) / eyes)[..., None] / np.linalg.norm(shape, axis=-1, keepdims=True)


@pytest.mark.slow
def test_identities_differ_in_geometry_more_than_their_images():
    faces = synthetic_faces(30, 4, seed=3, size=16, max_yaw=0, max_pitch=0, max_roll=30)
    shapes = after_similarity(faces.landmarks).reshape(30, 4, 5)
    within = np.abs(shapes - shapes.mean(1, keepdims=True)).mean()
    between = np.abs(shapes.mean(1) - shapes.mean((0, 1))).mean()
    assert between > 1.5 * within > 0


def test_light_comes_from_where_it_is_said_to():
    for azimuth, brighter in ((60, 1), (-60, -1)):
        how = Conditions(light_azimuth=azimuth, light_elevation=0, light_strength=0.9)
        points = landmarks(PLAIN, how, 160)
        image = draw_face(PLAIN, how, 160).astype(float)
        row = round((points[0, 1] + points[3, 1]) / 2)
        left, right = round(points[0, 0]) - 8, round(points[1, 0]) + 8
        difference = (
            image[row - 4 : row + 5, right - 4 : right + 5].mean()
            - image[row - 4 : row + 5, left - 4 : left + 5].mean()
        )
        assert brighter * difference > 20


@pytest.mark.parametrize(("occlusion", "covered"), [("sunglasses", (0, 1)), ("mask", (2, 3, 4)), ("hand", (3, 4))])
def test_what_hides_a_face_changes_the_pixels_it_covers_and_no_landmark(occlusion: str, covered: tuple[int, ...]):
    how = replace(EVEN_LIGHT, occlusion=occlusion, scene=4)
    free = draw_face(PLAIN, EVEN_LIGHT, 160).astype(float)
    hidden = draw_face(PLAIN, replace(how, scene=0), 160).astype(float)
    points = landmarks(PLAIN, how, 160)
    assert np.array_equal(points, landmarks(PLAIN, EVEN_LIGHT, 160))
    changed = []
    for column, row in np.round(points).astype(int):
        window = np.s_[row - 3 : row + 4, column - 3 : column + 4]
        changed.append(np.abs(hidden[window] - free[window]).mean())
    rest = [number for number in range(5) if number not in covered]
    assert min(changed[number] for number in covered) > 5 > max([changed[number] for number in rest], default=0)


@pytest.mark.parametrize("style", HAIR_STYLES)
def test_every_hair_style_is_drawn_and_differs(style: str):
    image = draw_face(Identity(style=style), EVEN_LIGHT, 64)
    assert image.shape == (64, 64, 3) and image.dtype == np.uint8
    other = draw_face(Identity(style="bald" if style != "bald" else "long"), EVEN_LIGHT, 64)
    assert (np.abs(image.astype(int) - other).max(2) > 40).mean() > 0.03
    assert set(STYLES) == set(HAIR_STYLES)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(16, 60), face=st.floats(0.02, 1), shift=st.floats(0, 0.5))
def test_every_size_and_place_can_be_drawn(seed: int, size: int, face: float, shift: float):
    limits = {"max_yaw": 30, "max_pitch": 15, "max_roll": 180, "max_shift": shift, "occlusion": 0.5}
    faces = synthetic_faces(1, 1, seed, size=size, face=face, **limits)
    assert faces.images.images.shape == (1, 3, size, size) and np.isfinite(faces.landmarks).all()
    widest = np.ptp(faces.boxes[0].reshape(2, 2), axis=0).max()
    assert 0.5 * face * size < widest < 2.2 * face * size


def test_the_share_of_the_width_is_kept_and_a_range_is_drawn_from():
    who, how = Identity(jaw=0.0), Conditions(face=0.5)
    left, _, right, _ = face_box(who, how, 200)
    assert right - left == pytest.approx(100, rel=0.02)
    drawn = synthetic_faces(1, 12, 0, size=16, face=(0.2, 0.6))
    shares = np.array([how.face for how in drawn.conditions])
    assert shares.min() >= 0.2 and shares.max() <= 0.6 and np.ptp(shares) > 0.15


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_identities": 0}, ValueError, "n_identities is 0; expected at least 1"),
        ({"n_images": 2.0}, TypeError, "n_images is 2.0; expected an integer"),
        ({"n_images": True}, TypeError, "n_images is True"),
        ({"seed": -1}, ValueError, "seed is -1; expected at least 0"),
        ({"size": 8}, ValueError, "size is 8; expected at least 16"),
        ({"face": 0}, ValueError, r"face is 0; expected 0.02..1"),
        ({"face": (0.6, 0.2)}, ValueError, r"face, to is 0.2; expected 0.6..1"),
        ({"face": (0.1, 0.2, 0.3)}, TypeError, r"face is \(0.1, 0.2, 0.3\); expected a number or"),
        ({"face": "half"}, TypeError, "face is 'half'; expected a number or"),
        ({"max_yaw": 60}, ValueError, "max_yaw is 60; expected 0..30"),
        ({"max_pitch": float("nan")}, ValueError, "max_pitch is nan; expected 0..15"),
        ({"max_roll": -1}, ValueError, "max_roll is -1; expected 0..180"),
        ({"max_shift": 0.6}, ValueError, "max_shift is 0.6; expected 0..0.5"),
        ({"occlusion": 1.5}, ValueError, "occlusion is 1.5; expected 0..1"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        synthetic_faces(**{"n_identities": 1, "n_images": 1, "seed": 0, **arguments})


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="style is 'mohawk'; expected one of short, "):
        Identity(style="mohawk")
    with pytest.raises(ValueError, match="occlusion is 'veil'; expected one of none, "):
        Conditions(occlusion="veil")


class Extreme:
    """A generator that always draws from one end of what it may: share 0, or nearly 1."""

    def __init__(self, share: float) -> None:
        self.share = share

    def random(self, count: int | None = None) -> float | np.ndarray:
        return self.share if count is None else np.full(count, self.share)

    def uniform(self, low: float, high: float, count: int | None = None) -> float | np.ndarray:
        return low + (high - low) * self.random(count)

    def normal(self, mean: float, spread: float) -> float:
        return mean + (20 * self.share - 10) * spread  # far out

    def integers(self, low: int, high: int | None = None) -> int:
        low, high = (0, low) if high is None else (low, high)
        return min(low + int((high - low) * self.share), high - 1)

    def choice(self, of: Sequence[str]) -> str:
        return of[self.integers(len(of))]


def test_the_most_feminine_the_youngest_and_the_palest() -> None:
    """All proportions 2.2 spreads below their mean, but for what goes with masculine features."""
    assert sample_identity(Extreme(0.0)) == Identity(
        eye_x=pytest.approx(0.455 - 2.2 * 0.022),
        eye_width=pytest.approx(0.185 - 2.2 * 0.012),
        eye_height=pytest.approx(0.074 - 2.2 * 0.009),
        eye_tilt=pytest.approx(0.04 - 2.2 * 0.06),
        brow_y=pytest.approx(-0.27 - 2.2 * 0.03 - 0.02),
        brow_thickness=pytest.approx(0.028 - 2.2 * 0.005),
        brow_arch=pytest.approx(0.05 - 2.2 * 0.025),
        nose_y=pytest.approx(0.52 - 2.2 * 0.045),
        nose_width=pytest.approx(0.215 - 2.2 * 0.022),
        nose_depth=pytest.approx(0.34 - 2.2 * 0.04),
        mouth_y=pytest.approx(1.03 - 2.2 * 0.045),
        mouth_width=pytest.approx(0.37 - 2.2 * 0.03),
        lip_thickness=pytest.approx(0.072 - 2.2 * 0.012),
        chin_y=pytest.approx(1.70 - 2.2 * 0.07 - 0.03),
        crown_y=pytest.approx(-1.45 - 2.2 * 0.05),
        jaw=pytest.approx(-2.2 * 0.03 - 0.04),
        skin=SKIN[0],
        hair=HAIR[0],
        iris=IRIS[0],
        style="long",
        hair_seed=0,
        beard=0.0,
        glasses=True,
        age=0.0,
        makeup=0.0,
    )


def test_the_most_masculine_the_oldest_and_the_darkest() -> None:
    share = 0.999999999
    found = sample_identity(Extreme(share))
    assert found == Identity(
        eye_x=pytest.approx(0.455 + 2.2 * 0.022),
        eye_width=pytest.approx(0.185 + 2.2 * 0.012),
        eye_height=pytest.approx(0.074 + 2.2 * 0.009),
        eye_tilt=pytest.approx(0.04 + 2.2 * 0.06),
        brow_y=pytest.approx(-0.27 + 2.2 * 0.03 + 0.02),
        brow_thickness=pytest.approx(0.028 + 2.2 * 0.005 + 0.022),
        brow_arch=pytest.approx(0.05 + 2.2 * 0.025),
        nose_y=pytest.approx(0.52 + 2.2 * 0.045),
        nose_width=pytest.approx(0.215 + 2.2 * 0.022 + 0.02),
        nose_depth=pytest.approx(0.34 + 2.2 * 0.04),
        mouth_y=pytest.approx(1.03 + 2.2 * 0.045),
        mouth_width=pytest.approx(0.37 + 2.2 * 0.03),
        lip_thickness=pytest.approx(0.072 + 2.2 * 0.012 + 0.02),
        chin_y=pytest.approx(1.70 + 2.2 * 0.07 + 0.03),
        crown_y=pytest.approx(-1.45 + 2.2 * 0.05),
        jaw=pytest.approx(2.2 * 0.03 + 0.04),
        skin=SKIN[-1],
        hair=(176, 174, 172),  # grey
        iris=IRIS[1],  # the darker two
        style="long",
        hair_seed=found.hair_seed,
        beard=0.0,
        glasses=False,
        age=pytest.approx(1),
        makeup=0.0,
    )
    assert 2**31 - 10 < found.hair_seed < 2**31


@pytest.mark.parametrize(
    ("share", "beard", "makeup"), [(0.39, 0, 0.65 * 0.39), (0.45, 0, 0), (0.52, 0.2 + 0.8 * 0.52, 0)]
)
def test_beards_and_makeup_go_with_features(share: float, beard: float, makeup: float) -> None:
    found = sample_identity(Extreme(share))
    assert (found.beard, found.makeup) == (pytest.approx(beard), pytest.approx(makeup))
    assert found.hair == HAIR[int(len(HAIR) * share)] and found.iris == IRIS[int(len(IRIS) * share)]


def test_conditions_lie_between_their_limits() -> None:
    limits = _Limits(face=(0.25, 0.75), yaw=20, pitch=8, roll=40, shift=0.125, occlusion=0.5)
    low, high = sample_conditions(Extreme(0.0), limits), sample_conditions(Extreme(1.0), limits)
    assert (low.yaw, low.pitch, low.roll) == (-20, -8, -40) and (high.yaw, high.pitch, high.roll) == (20, 8, 40)
    assert (low.light_azimuth, low.light_elevation, low.light_strength) == (-60, 0, 0.3)
    assert (high.light_azimuth, high.light_elevation, high.light_strength) == (60, 50, 0.75)
    assert (low.smile, low.opening, low.occlusion, low.face, low.shift) == (-0.15, 0, "sunglasses", 0.25, (-0.125,) * 2)
    assert (high.smile, high.opening, high.occlusion, high.face, high.shift) == (
        pytest.approx(1),
        0,
        "none",
        0.75,
        (0.125,) * 2,
    )
    some = sample_conditions(Extreme(0.25), limits)
    assert some.opening == 0.25 * 0.7 and some.occlusion == "sunglasses" and some.scene == 2**31 // 4
    assert sample_conditions(Extreme(0.3), limits).opening == 0
    assert sample_conditions(Extreme(0.5), limits).occlusion == "none"
    assert sample_conditions(Extreme(0.45), limits).occlusion == OCCLUSIONS[2]
