from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from benchmarks.mtcnn_lfw import agreement, main, subject, view1_photographs

FACE = np.array([[10.0, 10], [20, 10], [15, 15], [11, 20], [19, 20]])


def faces(*boxes: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes with one face's landmarks, each face one pixel further right than the last."""
    return np.array(boxes, dtype=float).reshape(-1, 4), np.array([FACE + [number, 0] for number in range(len(boxes))])


def test_the_subject_is_the_largest_face_around_the_middle():
    beside, around, larger = (0, 0, 9, 31), (10, 10, 20, 20), (5, 5, 25, 25)
    assert np.array_equal(subject(faces(beside, around, larger), (31, 31)), FACE + [2, 0])
    assert np.isnan(subject(faces(beside), (31, 31))).all()
    assert np.isnan(subject((np.empty((0, 4)), np.empty((0, 5, 2))), (31, 31))).all()


def test_agreement_by_hand():
    """Eyes 10 pixels apart; ours is 1 pixel, 0.1 eye distances, beside theirs, and one subject is not found."""
    box = (5.0, 5, 25, 25)
    theirs = [faces(box), faces(box)]
    ours = [(theirs[0][0], theirs[0][1] + [1, 0]), (np.empty((0, 4)), np.empty((0, 5, 2)))]
    mirror = [(boxes, (np.array([30, 0]) + [-1, 1] * landmarks)[:, [1, 0, 2, 4, 3]]) for boxes, landmarks in theirs]
    rows = agreement(
        np.zeros((2, 31, 31, 3)),
        {"facenet-pytorch": theirs, "detect_many": ours},
        {"facenet-pytorch": mirror, "detect_many": mirror},
    )
    assert [round(row.value, 9) for row in rows] == [100, 50, 0.1, 0, 0, 1]
    assert [row.verdict for row in rows] == ["", "missed", "missed", "", "", ""]


def test_the_photographs_are_those_that_view_1_lists(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    for number, name in enumerate(("Ada_0001", "Ada_0002", "Bob_0001", "Cyd_0001")):
        file = tmp_path / "lfw" / "lfw_funneled" / name[:3] / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (250, 250), (60 * number,) * 3).save(file)
    (tmp_path / "lfw" / "pairsDevTest.txt").write_text("1\nAda\t1\t2\nAda\t1\tCyd\t1\n")
    assert view1_photographs(3)[:, 0, 0, 0].tolist() == pytest.approx([0, 60, 180], abs=3)


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="fetch it with: python data_scripts/get_lfw.py"):
        main()
