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
    del run["accuracy"]["aligned"]
    misalignment.write_record("misalignment", "again", [0], figures)
    trained: list[int] = []
    train = misalignment.train
    monkeypatch.setattr(misalignment, "train", lambda *given: trained.append(1) or train(*given))
    again = sweep((0,), (0, 8), draws=2, epochs=1)["runs"]
    assert len(trained) == 1 and again[0]["accuracy"].keys() == set(misalignment.TRAINED_ON)
    assert sweep((0,), (0, 8), draws=2, epochs=1)["runs"] == again and len(trained) == 1


def test_many_versions_are_seen_as_often_as_one(monkeypatch, shallow):
    few = data.orl_faces().only(range(15)).resized(misalignment.SIDE, misalignment.SIDE)
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(
        misalignment.training, "fit", lambda net, criterion, people, *, epochs, **_: seen.append((len(people), epochs))
    )
    for versions in ([few], [few, few], [few] * 4):
        misalignment.train(versions, seed=0, epochs=4)
    assert seen == [(50, 4), (100, 2), (200, 1)], "five people with ten photographs"


def test_the_comparison_is_in_points_and_paired():
    def run(seed: int, base: float) -> dict:
        tests = {"same square": [base - 0.1], "0": [base], "4": [base - 0.05, base - 0.07], "8": [base - 0.2]}
        ahead = {name: [value + 0.01 for value in values] for name, values in tests.items()}
        networks = dict.fromkeys(misalignment.TRAINED_ON, tests) | {"moved anew": ahead}
        return {"seed": seed, "accuracy": networks}

    rows = compare([run(0, 0.9), run(1, 0.7)])
    assert [row["value"] for row in rows] == pytest.approx([10, 6, 20, 10, 0, 1, 1], abs=1e-6)
    assert all(row["low"] == pytest.approx(row["high"], abs=1e-6) for row in rows), "within each seed"
