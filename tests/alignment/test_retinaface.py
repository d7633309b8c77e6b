"""RetinaFace on real faces, where its weights are there: ORL's, and the portrait that scikit-image carries."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from course_lib.alignment.detector import Face
from course_lib.alignment.retinaface import WEIGHTS, RetinaFace
from course_lib.data import orl_faces
from course_lib.paths import data_folder

# Pupils, tip of the nose and corners of the mouth, as a person reads them off the enlarged portrait.
LANDMARKS = np.array([[204, 101], [247, 103], [225, 126], [204, 140], [244, 142]])
EYES = 43  # pixels between the pupils


@pytest.fixture(scope="module")
def detector() -> RetinaFace:
    if not (data_folder() / WEIGHTS).is_file():
        pytest.skip("RetinaFace's weights are not there: python data_scripts/get_retinaface.py")
    return RetinaFace(threads=1)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return astronaut()


def only(faces: list[Face]) -> Face:
    assert len(faces) == 1
    return faces[0]


# --- What it finds ---


def test_the_portrait(detector, portrait):
    face = only(detector.detect(portrait))
    assert face.landmarks == pytest.approx(LANDMARKS, abs=0.1 * EYES)
    assert face.box == pytest.approx([177, 56, 271, 178], abs=5)  # hairline to chin
    assert 0.99 < face.score <= 1 and isinstance(face.score, float)
    assert face.box.dtype == face.landmarks.dtype == np.float64
    assert face.box.shape == (4,) and face.landmarks.shape == (5, 2)


def test_every_orl_photograph_holds_one_face_that_fills_it(detector):
    images = orl_faces().images[::10]
    for faces in detector.detect_many(list(images)):
        left, top, right, bottom = only(faces).box
        assert left < 45.5 < right and top < 55.5 < bottom and bottom - top > 50
        eyes, mouth = only(faces).landmarks[:2], only(faces).landmarks[3:]
        assert eyes[0, 0] < eyes[1, 0] and mouth[0, 0] < mouth[1, 0] and eyes[:, 1].max() < mouth[:, 1].min()


@pytest.mark.parametrize(("height", "tolerance"), [(20, 0.45), (40, 0.2), (300, 0.1), (900, 0.15), (2000, 0.15)])
def test_faces_of_all_sizes(detector, portrait, height, tolerance):
    """The same face, 122 pixels high in the portrait, scaled: the large ones take a second look."""
    scale = height / 122
    scaled = cv2.resize(portrait[20:220, 120:330], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = detector.detect(scaled)[0]
    expected = (LANDMARKS - [120, 20] + 0.5) * scale - 0.5
    assert np.abs(found.landmarks - expected).max() < tolerance * EYES * scale
    assert found.area == pytest.approx(94 * 122 * scale**2, rel=0.35)


def test_a_huge_and_a_small_face_in_one_large_photograph(detector, portrait):
    scene = np.full((1400, 2800, 3), 128, dtype=np.uint8)
    scene[:, 1300:2700] = cv2.resize(portrait[20:230, 120:330], (1400, 1400))
    scene[300:500, 200:400] = portrait[20:220, 120:320]
    huge, small = sorted(detector.detect(scene), key=lambda face: -face.area)
    factor = 1400 / 210
    assert huge.landmarks == pytest.approx((LANDMARKS - [120, 20]) * factor + [1300, 0], abs=0.15 * EYES * factor)
    assert small.landmarks == pytest.approx(LANDMARKS + [80, 280], abs=0.2 * EYES)


def test_several_faces_the_surest_first(detector, portrait):
    face = portrait[20:220, 120:320]
    blurred = cv2.GaussianBlur(face, (0, 0), 6)
    row = np.concatenate([blurred, face, face[:, ::-1]], axis=1)
    found = detector.detect(row)
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)
    assert sorted(face.landmarks[2, 0] // 200 for face in found) == [0, 1, 2]
    assert found[-1].landmarks[2, 0] < 200


def test_a_face_cut_by_the_border_keeps_its_place(detector, portrait):
    cut = portrait[:, 224:]  # through the nose
    for face in detector.detect(cut):
        assert abs(face.landmarks[1] - (LANDMARKS[1] - [224, 0])).max() < 0.4 * EYES
        assert face.box[0] < 15


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (31, 33), (200, 200), (700, 900)])
def test_no_face(detector, shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector.detect(np.full(shape, 200, dtype=np.uint8)) == []
    assert [face for face in detector.detect(noise) if face.score > 0.9] == []


# --- Laws ---


def test_the_mirrored_face_is_found_mirrored(detector, portrait):
    face, mirrored = only(detector.detect(portrait)), only(detector.detect(portrait[:, ::-1]))
    expected = np.array([511, 0]) + face.landmarks[[1, 0, 2, 4, 3]] * [-1, 1]
    assert np.abs(mirrored.landmarks - expected).max() < 0.06 * EYES
    assert mirrored.box == pytest.approx([511 - face.box[2], face.box[1], 511 - face.box[0], face.box[3]], abs=4)


def test_the_face_moves_with_the_pixels(detector, portrait):
    """Where the photograph is not scaled, 32 pixels are one step of every grid: nothing changes but the place."""
    sharp = RetinaFace(min_face=32, threads=1)
    middle = portrait[:384, 96:416]
    moved = cv2.copyMakeBorder(middle, 64, 32, 96, 32, cv2.BORDER_CONSTANT, value=(123, 117, 104))
    before, after = only(sharp.detect(middle)), only(sharp.detect(moved))
    assert after.landmarks - before.landmarks == pytest.approx(np.tile([96, 64], (5, 1)), abs=0.5)


def test_grey_is_colour_without_colour(detector, portrait):
    grey = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)
    flat, repeated = only(detector.detect(grey)), only(detector.detect(np.repeat(grey[..., None], 3, axis=2)))
    assert np.array_equal(flat.landmarks, repeated.landmarks)
    assert not np.array_equal(flat.landmarks, only(detector.detect(portrait)).landmarks)


@pytest.mark.parametrize("threads", [1, 3])
def test_many_are_each_as_alone(detector, portrait, threads):
    images = [portrait, portrait[:300, :301], np.zeros((40, 50), dtype=np.uint8), orl_faces().images[0], portrait]
    many = RetinaFace(threads=threads).detect_many(images)
    for image, faces in zip(images, many, strict=True):
        alone = detector.detect(image)
        assert [face.score for face in faces] == [face.score for face in alone]
        assert all(np.array_equal(a.landmarks, b.landmarks) for a, b in zip(faces, alone, strict=True))
    assert detector.detect_many([]) == []


def test_the_threshold_only_removes(portrait, detector):
    scores = [[face.score for face in RetinaFace(threshold=t, threads=1).detect(portrait)] for t in (0.02, 0.5, 1.0)]
    assert set(scores[2]) <= set(scores[1]) <= set(scores[0]) and scores[2] == [] and len(scores[1]) == 1
    assert all(score >= 0.02 for score in scores[0])


# --- What goes wrong ---


def test_missing_weights_name_the_script(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    expected = tmp_path / "models" / "retinaface_mobilenet025.onnx"
    with pytest.raises(FileNotFoundError) as raised:
        RetinaFace()
    assert str(expected) in str(raised.value) and "python data_scripts/get_retinaface.py" in str(raised.value)
    with pytest.raises(FileNotFoundError, match=r"mine\.onnx is not there"):
        RetinaFace(tmp_path / "mine.onnx")


def test_weights_can_be_elsewhere(detector, tmp_path, portrait):
    copy = tmp_path / "copy.onnx"
    copy.write_bytes((data_folder() / WEIGHTS).read_bytes())
    assert len(RetinaFace(str(copy)).detect(portrait)) == 1
    damaged = bytearray(copy.read_bytes())
    damaged[1000] ^= 1
    copy.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"copy\.onnx is damaged or another file"):
        RetinaFace(copy)


@pytest.mark.parametrize("content", [b"", b"not ONNX", bytes(1_736_694)])
def test_another_file_is_refused_before_it_is_loaded(tmp_path, content):
    file = tmp_path / "weights.onnx"
    file.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"its sha256 is [0-9a-f]{64}; expected b7a7acab.*Delete it and fetch it again"
    ):
        RetinaFace(file)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 1.5}, "threshold is 1.5; expected 0..1"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"min_face": 0}, "min_face is 0; expected a height"),
        ({"min_face": float("nan")}, "min_face is nan"),
        ({"max_side": 100}, "max_side is 100; expected at least 512"),
        ({"threads": 0}, "threads is 0; expected at least 1"),
    ],
)
def test_impossible_options(options, words):
    with pytest.raises(ValueError, match=words):
        RetinaFace(Path("unused"), **options)


def test_what_is_no_photograph(detector, tmp_path):
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.jpg cannot be read as an image"):
        detector.detect(tmp_path / "text.jpg")
    with pytest.raises(TypeError, match="float64"):
        detector.detect_many([np.zeros((10, 10))])
