from __future__ import annotations

import numpy as np
import pytest

from benchmarks import misalignment
from benchmarks.misalignment import compare, cropped, orl_landmarks, sweep
from course_lib import data
from course_lib.alignment import template


def test_landmarks_of_orl_are_in_its_own_pixels():
    faces = data.orl_faces().subset(range(0, 400, 50))
    landmarks = orl_landmarks(faces)
    assert landmarks.shape == (8, 5, 2)
    # Frontal faces that fill 112x92 pixels: the eyes above the middle, on either side of it.
    left, right = landmarks[:, 0], landmarks[:, 1]
    assert (left[:, 0] < 46).all() and (right[:, 0] > 46).all() and (left[:, 1] < 65).all() and (left[:, 1] > 30).all()
    dark = [faces.images[i, 0][int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5].min() for i, (x, y) in enumerate(left)]
    assert np.median(dark) < 70, "a pupil or lashes lie at the eye"
    crops = cropped(faces, landmarks)
    assert crops.images.shape == (8, 1, 56, 56) and crops.names == faces.names


def test_a_face_that_is_not_found_is_an_error():
    black = data.orl_faces().subset([0])
    black.images.zero_()
    with pytest.raises(ValueError, match=r"no face was found in photographs \[0\]"):
        orl_landmarks(black)


@pytest.mark.slow
def test_the_record_has_every_network_on_every_cut_and_resumes(monkeypatch, records, shallow):
    few = data.orl_faces().only(range(15))  # people, of whom ten are unseen
    monkeypatch.setattr(data, "orl_faces", lambda: few)
    monkeypatch.setattr(misalignment, "orl_landmarks", lambda faces: np.stack([template(92)] * len(faces)))
    figures = sweep((0,), (0, 8), draws=2, epochs=1)
    (run,) = figures["runs"]
    assert run["accuracy"].keys() == set(misalignment.TRAINED_ON)
    for tests in run["accuracy"].values():
        assert {name: len(values) for name, values in tests.items()} == {"same square": 1, "0": 1, "8": 2}
        assert all(0.3 < value <= 1 for values in tests.values() for value in values)
    monkeypatch.setattr(misalignment, "train", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), (0, 8), draws=2, epochs=1)["runs"] == figures["runs"]


def test_the_comparison_is_in_points_and_paired():
    def run(seed: int, base: float) -> dict:
        tests = {"same square": [base - 0.1], "0": [base], "4": [base - 0.05, base - 0.07], "8": [base - 0.2]}
        return {"seed": seed, "accuracy": {name: tests for name in misalignment.TRAINED_ON}}

    rows = compare([run(0, 0.9), run(1, 0.7)])
    assert [row["value"] for row in rows] == pytest.approx([10, 6, 20, 10, 0], abs=1e-6)
    assert all(row["low"] == pytest.approx(row["high"], abs=1e-6) for row in rows), "within each seed"
