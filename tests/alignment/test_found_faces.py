from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from course_lib.alignment import MTCNN, Face, found_faces
from course_lib.alignment.found_faces import Described, Remembering, kind


class Brightest:
    """Finds a face where it is brightest, of numbers that no few digits write; counts the photographs it looks at."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift, self.seen = shift, 0

    def settings(self):
        return {"shift": self.shift}

    def detect(self, image):
        return self.detect_many([image])[0]

    def detect_many(self, images):
        self.seen += len(images)
        return [self._faces(image) for image in images]

    def _faces(self, image):
        if not image.any():
            return []
        row, column = np.unravel_index(image[..., 0].argmax(), image.shape[:2])
        return [Face(np.array([column, row, column + 1 / 3, row + np.pi]), np.full((5, 2), 0.1 + self.shift), 0.7)]


def photographs(n: int = 3) -> list[np.ndarray]:
    return [np.random.default_rng(seed).integers(0, 255, (9, 8 + seed, 3), dtype=np.uint8) for seed in range(n)]


def assert_same(left, right):
    for faces, others in zip(left, right, strict=True):
        for one, other in zip(faces, others, strict=True):
            assert one.box.dtype == other.box.dtype == np.float64 and one.score == other.score
            np.testing.assert_array_equal(one.box, other.box)
            np.testing.assert_array_equal(one.landmarks, other.landmarks)


def test_the_same_faces_to_the_last_bit_without_looking_again(tmp_path):
    images = [*photographs(), np.zeros((5, 5, 3), np.uint8)]
    first, again = Brightest(), Brightest()
    found = Remembering(first, tmp_path).detect_many(images)
    remembering = Remembering(again, tmp_path)
    assert_same(found, Brightest().detect_many(images))
    assert_same(remembering.detect_many(images[::-1]), found[::-1])
    assert_same([remembering.detect(images[1])], found[1:2])
    assert (first.seen, again.seen) == (4, 0)


def test_only_new_photographs_are_looked_at_and_each_once(tmp_path):
    detector = Brightest()
    remembering = Remembering(detector, tmp_path)
    a, b, c = photographs()
    remembering.detect_many([a])
    found = remembering.detect_many([b, a, b, c])
    assert detector.seen == 3
    assert_same(found, Brightest().detect_many([b, a, b, c]))
    assert remembering.detect_many([]) == []


def test_another_pixel_shape_setting_or_code_is_another_photograph(tmp_path, monkeypatch):
    image = photographs()[0]
    Remembering(Brightest(), tmp_path).detect(image)
    changed = image.copy()
    changed[-1, -1, -1] ^= 1
    for other in (changed, image.reshape(image.shape[1], image.shape[0], 3)):
        detector = Brightest()
        Remembering(detector, tmp_path).detect(other)
        assert detector.seen == 1
    detector = Brightest(shift=0.5)
    assert Remembering(detector, tmp_path).detect(image)[0].landmarks[0, 0] == 0.6
    monkeypatch.setattr(found_faces, "_code", lambda: "another version")
    detector = Brightest()
    Remembering(detector, tmp_path).detect(image)
    assert detector.seen == 1


def test_mtcnn_says_what_it_depends_on(tmp_path):
    assert isinstance(MTCNN(), Described)
    assert kind(MTCNN()) == kind(MTCNN()) != kind(MTCNN(min_face=40))
    assert len({kind(MTCNN()), kind(MTCNN(factor=0.6)), kind(MTCNN(thresholds=(0.6, 0.7, 0.8)))}) == 3
    changed = MTCNN()
    changed.onet.state_dict()[next(iter(changed.onet.state_dict()))].add_(1)
    assert kind(changed) != kind(MTCNN())


def test_who_does_not_say_is_not_remembered(tmp_path):
    with pytest.raises(TypeError, match=r"object has no settings\(\)"):
        Remembering(object(), tmp_path)


ROWS = {"rows": "[[1]]", "deep": "[" * 100_000, "large": f"[[[0, 0, 9, 9], {[[0, 0]] * 5}, {10**400}]]", "seven": "7"}


@pytest.mark.parametrize("damage", ["bytes", "table", "folder", *ROWS])
def test_a_damaged_memory_costs_time_and_says_so(tmp_path, damage):
    image = photographs()[0]
    remembering = Remembering(Brightest(), tmp_path / "faces")
    remembering.detect(image)
    if damage == "bytes":
        remembering.path.write_bytes(b"no database at all" * 100)
    elif damage == "folder":
        remembering.path.unlink()
        remembering.path.parent.rmdir()
        remembering.path.parent.touch()
    else:
        with sqlite3.connect(remembering.path) as database:
            if damage == "table":
                database.executescript("DROP TABLE found; CREATE TABLE found (other TEXT)")
            else:
                database.execute("UPDATE found SET faces = ?", (ROWS[damage],))
        database.close()
    if damage in ROWS:
        assert_same([remembering.detect(image)], Brightest().detect_many([image]))
    else:
        with pytest.warns(UserWarning, match="cannot be written"):
            assert_same([remembering.detect(image)], Brightest().detect_many([image]))
