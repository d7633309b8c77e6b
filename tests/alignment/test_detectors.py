"""What every detector must do. Both are held to it on ORL portraits set in a grey photograph."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from collages import PLACES, placed
from PIL import Image

from course_lib.alignment.detector import Detector, Face
from course_lib.alignment.mtcnn import MTCNN
from course_lib.alignment.photograph import UnreadableError
from course_lib.alignment.retinaface import RetinaFace


def retinaface() -> Detector:
    try:
        return RetinaFace()
    except FileNotFoundError:
        pytest.skip("RetinaFace's weights are not there; fetch them with: python data_scripts/get_retinaface.py")


@pytest.fixture(scope="module", params=[MTCNN, retinaface], ids=["MTCNN", "RetinaFace"])
def detector(request: pytest.FixtureRequest) -> Detector:
    return request.param()


@pytest.fixture(scope="module")
def collage() -> np.ndarray:
    return placed((0, 1, 2, 3))[0]


def assert_same(found: list[Face], expected: list[Face], tolerance: float = 1e-6) -> None:
    """The same faces in the same order, to so many pixels."""
    assert len(found) == len(expected)
    for face, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(face.box, other.box, atol=tolerance)
        np.testing.assert_allclose(face.landmarks, other.landmarks, atol=tolerance)
        assert face.score == pytest.approx(other.score, abs=max(1e-6, tolerance / 100))


def in_places(faces: list[Face], middles: np.ndarray) -> list[Face]:
    """The faces in the order of ``middles``, one each, and no other."""
    assert len(faces) == len(middles)
    centres = np.array([(face.box[:2] + face.box[2:]) / 2 for face in faces])
    nearest = [int(np.linalg.norm(centres - middle, axis=1).argmin()) for middle in middles]
    assert sorted(nearest) == list(range(len(faces)))
    return [faces[index] for index in nearest]


# --- What is found ---


@pytest.mark.parametrize("people", [(0, 1, 2, 3), (12, 13, 14, 15), (30, 31, 32, 33)])
def test_faces_of_different_sizes_are_found_in_their_places(detector, people):
    photograph, middles = placed(people)
    faces = detector.detect(photograph)
    for face, middle, (height, _, _) in zip(in_places(faces, middles), middles, PLACES, strict=True):
        assert np.linalg.norm((face.box[:2] + face.box[2:]) / 2 - middle) < 0.2 * height
        assert 0.5 * height < face.box[3] - face.box[1] < 1.3 * height


def test_a_face_is_what_it_says(detector, collage):
    faces = detector.detect(collage)
    assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)
    for face in faces:
        assert face.box.shape == (4,) and face.box.dtype == np.float64
        assert face.landmarks.shape == (5, 2) and face.landmarks.dtype == np.float64
        assert isinstance(face.score, float) and 0 < face.score <= 1
        assert (face.box[:2] < face.landmarks.mean(axis=0)).all() and (face.landmarks.mean(axis=0) < face.box[2:]).all()
        (left_eye, right_eye, nose, left_mouth, right_mouth) = face.landmarks
        assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_landmarks_of_a_portrait_lie_where_its_eyes_and_mouth_are(detector):
    """Read off the picture by eye, to a few pixels."""
    (face,) = detector.detect(skimage.data.astronaut())
    np.testing.assert_allclose(face.landmarks, [[203, 101], [246, 103], [225, 127], [202, 138], [245, 140]], atol=6)


def test_a_face_of_forty_pixels(detector):
    photograph, middles = placed((3,), places=((40, 100, 100),), size=(200, 300))
    (face,) = in_places(detector.detect(photograph), middles)
    assert face.box[3] - face.box[1] < 50


def test_a_face_cut_by_the_border(detector):
    photograph, middles = placed((5,), places=((160, 60, 60),), size=(280, 280))
    cut = 60 + 30  # nearly a quarter of the portrait's width
    (whole,), (part,) = detector.detect(photograph), detector.detect(photograph[:, cut:])
    assert np.linalg.norm(part.landmarks + [cut, 0] - whole.landmarks, axis=1).mean() < 8


NOISE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
RAMP = np.linspace(0, 255, 320).astype(np.uint8)


@pytest.mark.parametrize(
    "photograph",
    [NOISE, np.full((200, 300, 3), 255, np.uint8), np.zeros((200, 300), np.uint8), np.tile(RAMP, (240, 1))],
    ids=["noise", "white", "black", "gradient"],
)
def test_no_face(detector, photograph):
    assert detector.detect(photograph) == []


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 3), (1, 4000), (4000, 1), (12, 2500), (2500, 30)])
def test_no_face_in_the_smallest_and_the_longest_photographs(detector, shape):
    assert detector.detect(np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)) == []


# --- What it is given ---


@pytest.mark.slow
def test_every_kind_of_photograph_has_the_same_faces(detector, collage, tmp_path: Path):
    colour = np.repeat(collage[..., None], 3, axis=2)
    deep = collage.astype(np.uint16) * 257
    file, deep_file = tmp_path / "collage.png", tmp_path / "deep.png"
    Image.fromarray(collage).save(file)
    Image.fromarray(deep).save(deep_file)
    kinds = {
        "one channel": collage[..., None],
        "colour": colour,
        "with transparency": np.dstack([colour, np.full_like(collage, 7)]),
        "16 bits": deep,
        "not contiguous": colour[:, ::-1].copy()[:, ::-1],
        "PIL grey": Image.fromarray(collage),
        "PIL with transparency": Image.fromarray(colour).convert("RGBA"),
        "path": file,
        "path as text": str(file),
        "16-bit file": deep_file,
        "grey tensor": torch.from_numpy(collage)[None],
        "colour tensor": torch.from_numpy(colour).permute(2, 0, 1),
    }
    expected = detector.detect(collage)
    assert len(expected) == 4
    for name, photograph in kinds.items():
        try:
            assert_same(detector.detect(photograph), expected)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def test_colour_counts(detector):
    """A detector that takes red for blue finds other numbers."""
    photograph = skimage.data.astronaut()
    (face,), (swapped,) = detector.detect(photograph), detector.detect(photograph[..., ::-1])
    assert np.abs(face.landmarks - swapped.landmarks).max() > 1e-3


# The orientation that a viewer undoes, and the transposition that stores it so.
SIDEWAYS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


@pytest.mark.parametrize("orientation", SIDEWAYS)
def test_exif_orientation_is_honoured(detector, collage, orientation, tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "sideways.png"
    Image.fromarray(collage).transpose(SIDEWAYS[orientation]).save(file, exif=exif)
    assert_same(detector.detect(file), detector.detect(collage))


def test_the_photograph_is_left_as_it_was(detector, collage):
    photograph = np.repeat(collage[..., None], 3, axis=2)
    before = photograph.copy()
    detector.detect(photograph)
    np.testing.assert_array_equal(photograph, before)


def test_what_is_no_photograph_is_refused(detector, tmp_path: Path):
    (tmp_path / "text.jpg").write_text("no image")
    for bad, error in (
        (tmp_path / "text.jpg", UnreadableError),
        (tmp_path / "missing.jpg", UnreadableError),
        (np.zeros((40, 40, 3), dtype=np.float32), TypeError),
        (np.zeros((40, 40, 2), dtype=np.uint8), ValueError),
        (None, TypeError),
    ):
        with pytest.raises(error):
            detector.detect(bad)
        with pytest.raises(error):
            detector.detect_many([NOISE, bad])


# --- Where it is ---


def test_a_shifted_photograph_has_shifted_faces(detector, collage):
    shifted = np.pad(collage, ((24, 0), (16, 0)), constant_values=128)
    moved = [
        Face(face.box - [16, 24, 16, 24], face.landmarks - [16, 24], face.score) for face in detector.detect(shifted)
    ]
    middles = placed((0, 1, 2, 3))[1]
    faces, moved = in_places(detector.detect(collage), middles), in_places(moved, middles)
    for face, other, (height, _, _) in zip(faces, moved, PLACES, strict=True):
        assert np.linalg.norm(face.landmarks - other.landmarks, axis=1).mean() < 0.025 * height


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.75, 1.5, 2.0])
def test_a_scaled_photograph_has_scaled_faces(detector, collage, scale):
    scaled = cv2.resize(
        collage, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    # (0, 0) is the centre of the first pixel, so its corner stays and its centre moves.
    back = [
        Face((face.box + 0.5) / scale - 0.5, (face.landmarks + 0.5) / scale - 0.5, face.score)
        for face in detector.detect(scaled)
    ]
    middles = placed((0, 1, 2, 3))[1]
    for face, other, (height, _, _) in zip(
        in_places(detector.detect(collage), middles), in_places(back, middles), PLACES, strict=True
    ):
        assert np.linalg.norm(face.landmarks - other.landmarks, axis=1).mean() < 0.025 * height


# --- Many at a time ---


@pytest.mark.slow
def test_many_are_what_each_is_alone(detector, collage):
    other, _ = placed((20, 21, 22, 23))
    photographs = [collage, NOISE, other, collage[:300, :290], np.zeros((1, 1), np.uint8), skimage.data.astronaut()]
    together = detector.detect_many(photographs)
    assert [len(faces) for faces in together] == [4, 0, 4, 1, 0, 1]
    for faces, photograph in zip(together, photographs, strict=True):
        assert_same(faces, detector.detect(photograph), tolerance=0.05)


def test_none_at_all(detector):
    assert detector.detect_many([]) == []
