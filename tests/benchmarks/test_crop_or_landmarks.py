from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import crop_or_landmarks
from benchmarks.crop_or_landmarks import BOX, FRAMED, POINTS, UNSTRETCHED, UNSTRETCHED_FRAMED, geometry, sweep, ways
from course_lib import data
from course_lib.alignment import Face, template
from course_lib.data.lfw import FACE_SQUARE

PAIRS = data.Pairs(
    np.array([0, 2, 0, 1, 0, 2]), np.array([1, 3, 2, 3, 4, 4]), np.array([True, True, False, False, False, False])
)


def face_at(left: float, top: float, width: float, height: float, degrees: float = 0.0) -> Face:
    """The template in a box of that size, always as large in it and a tenth below its centre; turned by degrees."""
    scale = (width + height) / 2 / 112
    a = 0.7 * scale * np.exp(1j * np.deg2rad(degrees))
    points = (template() - 55.5) @ np.array([[a.real, a.imag], [-a.imag, a.real]]) + [0, 11.2 * scale]
    centre = np.array([left + width / 2, top + height / 2])
    return Face(np.array([left, top, left + width, top + height]), points + centre, 0.9)


FACES = [face_at(50, 60, 80, 110), face_at(70, 40, 60, 80), face_at(20, 90, 100, 130, 10)]


@pytest.mark.parametrize("name", [POINTS, UNSTRETCHED_FRAMED])
def test_where_boxes_say_all_the_fitted_frame_finds_the_template(name):
    upright = FACES[:2]
    measured = geometry(ways(upright)[name], upright)
    assert measured["off_template"] < 0.01 and measured["stretch"] == 1


def test_a_stretched_box_stretches_and_a_frame_does_not_undo_it():
    cuts = ways(FACES)
    asked = geometry(cuts[BOX], FACES[:1])["stretch"]
    assert asked == pytest.approx(110 / 80, abs=1e-4) == geometry(cuts[FRAMED], FACES[:1])["stretch"]
    assert geometry(cuts[UNSTRETCHED], FACES)["stretch"] == 1
    for plain, framed in ((BOX, FRAMED), (UNSTRETCHED, UNSTRETCHED_FRAMED)):
        assert geometry(cuts[framed], FACES)["off_template"] < geometry(cuts[plain], FACES)["off_template"] + 1e-9


def test_the_stretched_box_fills_the_crop_and_five_points_not_turned_stay_upright():
    cuts, face = ways(FACES), FACES[2]
    matrix = cuts[BOX](face)
    corners = face.box.reshape(2, 2) @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [111.5, 111.5]])
    assert cuts["five points, not turned"](face)[1, 0] == 0 != cuts[POINTS](face)[1, 0]
    off = {name: geometry(cuts[name], [face])["off_template"] for name in (POINTS, "five points, not turned")}
    assert off[POINTS] < 1e-6 < off["five points, not turned"]


class Known:
    """Finds a face like LFW's mean face in what is not black."""

    def detect(self, image):
        return self.detect_many([image])[0]

    def detect_many(self, images):
        top, left, side = FACE_SQUARE
        return [
            [face_at(left + shift, top, side - 20, side)] if image.any() else [] for shift, image in enumerate(images)
        ]


def test_every_way_is_measured_once_and_the_record_resumes(monkeypatch, records):
    drawn = np.random.default_rng(0).integers(40, 200, (3, 25, 25, 3)).repeat(10, 1).repeat(10, 2)
    photographs = drawn[[0, 0, 1, 1, 2, 2]].astype(np.uint8)
    photographs[5] = 0
    pairs = {"dev_train": PAIRS, "dev_test": PAIRS}

    def pixels(crops: torch.Tensor) -> np.ndarray:
        return crops[:, :, ::8, ::8].flatten(1).numpy() - 127.5

    figures = sweep(photographs, pairs, pixels, Known())
    runs = {run["cut"]: run for run in figures["runs"]}
    assert list(runs) == list(ways(FACES)) and figures["not_found"] == 1
    assert all(round(len(PAIRS) * (1 - run["accuracy"])) == len(run["wrong"]) for run in runs.values())
    monkeypatch.setattr(crop_or_landmarks, "decided", lambda *_: pytest.fail("measured again"))
    assert sweep(photographs, pairs, pixels, Known())["runs"] == figures["runs"]


def test_differences_are_of_the_same_pairs():
    def run(cut: str, wrong: list[int]) -> dict:
        return {"cut": cut, "accuracy": 1 - len(wrong) / 10, "interval": [0, 1], "wrong": wrong}

    names = {name for pair in crop_or_landmarks.PAIRED for name in pair}
    runs = [run(name, [0, 1]) for name in names - {BOX}] + [run(BOX, [0, 2, 3])]
    rows = {row["name"]: row for row in crop_or_landmarks.compare(runs, 10)}
    lost = rows[f"{POINTS} - {BOX}: McNemar 2 to 1, p 1"]
    assert lost["value"] == pytest.approx(10) and lost["low"] < 0 < lost["high"]
