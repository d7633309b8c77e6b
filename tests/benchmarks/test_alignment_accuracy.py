from __future__ import annotations

import numpy as np
import pytest

from benchmarks import alignment_accuracy
from benchmarks.alignment_accuracy import cut_all, result, same_square, sweep, ways
from course_lib import data, evaluation
from course_lib.alignment import Face, template
from course_lib.data.lfw import FACE_SQUARE


class Known:
    """Finds LFW's mean face, and another one in the corner; in a black photograph none."""

    def detect(self, image):
        return self.detect_many([image])[0]

    def detect_many(self, images):
        top, left, side = FACE_SQUARE
        points = template() * side / 112 + [left, top]
        middle = Face(np.array([left + 20, top + 20, left + side - 20, top + side - 10.0]), points, 0.9)
        corner = Face(np.array([0.0, 0, 30, 30]), points / 4, 0.95)
        return [[corner, middle] if image.any() else [] for image in images]


@pytest.fixture
def photographs() -> np.ndarray:
    """Six of three people, of whom one is a black photograph."""
    drawn = np.random.default_rng(0).integers(40, 200, (3, 25, 25, 3)).repeat(10, 1).repeat(10, 2)
    noise = np.random.default_rng(1).integers(0, 20, (6, 250, 250, 3))
    images = (drawn[[0, 0, 1, 1, 2, 2]] + noise).astype(np.uint8)
    images[5] = 0
    return images


PAIRS = data.Pairs(
    np.array([0, 2, 0, 1, 0, 2]), np.array([1, 3, 2, 3, 4, 4]), np.array([True, True, False, False, False, False])
)


def flat(crops: np.ndarray) -> np.ndarray:
    """An embedder: the pixels themselves."""
    return crops[:, ::8, ::8].reshape(len(crops), -1) - 127.5


def test_every_way_is_measured_once_and_the_record_resumes(photographs, monkeypatch, records):
    pairs = {"dev_train": PAIRS, "dev_test": PAIRS}
    figures = sweep(photographs, pairs, flat, {"MTCNN": Known(), "RetinaFace": Known()})
    assert [run["cut"] for run in figures["runs"]] == list(ways())
    assert figures["faces_found"] == {"MTCNN": 5, "RetinaFace": 5}
    by_cut = {run["cut"]: run for run in figures["runs"]}
    assert by_cut["MTCNN, five points"]["accuracy"] == 1.0
    assert (records / "alignment_accuracy.json").is_file()
    monkeypatch.setattr(alignment_accuracy, "result", lambda *_: pytest.fail("measured again"))
    assert sweep(photographs, pairs, flat, {"MTCNN": Known(), "RetinaFace": Known()})["runs"] == figures["runs"]
    rows = alignment_accuracy.compare(figures["runs"])
    assert len(rows) == len({name.split(", draw")[0] for name in ways()})


def test_the_central_face_is_aligned_and_where_there_is_none_the_square_is_cut(photographs):
    faces = alignment_accuracy.central_faces(photographs, Known())
    assert faces[5] is None and all(face.box[0] > 50 for face in faces[:5])
    crops = cut_all(photographs, faces, ways()["MTCNN, five points"][1])
    # The known landmarks lie where the square puts the template, so both ways cut the same.
    assert np.abs(crops[0].astype(int) - same_square(photographs[0])).max() <= 1
    np.testing.assert_array_equal(crops[5], same_square(photographs[5]))
    wrong = cut_all(photographs[:1], faces[:1], ways()["MTCNN, the 96-wide template in 112 columns"][1])
    assert np.abs(wrong[0, :, :-8].astype(int) - crops[0][:, 8:]).max() <= 1


def test_the_threshold_comes_from_the_training_pairs_alone():
    scores, same = np.array([0.1, 0.2, 0.35, 0.3, 0.8, 0.9]), np.array([False, False, True, False, True, True])
    assert evaluation.best_threshold(scores, same) == pytest.approx((0.3 + 0.35) / 2)
    embeddings = np.array([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1], [-1, 0.2]])
    train = data.Pairs(np.array([0, 0]), np.array([1, 2]), np.array([True, False]))
    test = data.Pairs(np.array([2, 1, 3]), np.array([3, 4, 4]), np.array([True, True, False]))
    measured = result(embeddings, {"dev_train": train, "dev_test": test})
    assert measured["accuracy"] == pytest.approx(2 / 3) and measured["interval"][0] < 2 / 3 < measured["interval"][1]
