from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.shipped_model import compare, measure
from course_lib.alignment import Face
from course_lib.data import Pairs


class Blind:
    """A detector that finds a face in every second photograph."""

    def __init__(self) -> None:
        self.calls = 0

    def detect_many(self, images):
        landmarks = np.array([[100.0, 110], [150, 110], [125, 135], [105, 160], [145, 160]])
        face = Face(np.array([80.0, 80, 170, 180]), landmarks, 1.0)
        self.calls += 1
        return [[face] if index % 2 else [] for index in range(len(images))]


def test_photographs_without_a_face_are_counted_and_still_compared():
    photographs = np.random.default_rng(0).integers(0, 256, (6, 250, 250, 3)).astype(np.uint8)
    pairs = Pairs(np.array([0, 1, 0]), np.array([1, 1, 3]), np.array([False, True, False]))

    def mean_colours(crops: torch.Tensor) -> np.ndarray:
        assert crops.shape == (6, 3, 112, 112) and crops.dtype == torch.uint8
        return crops.float().mean((2, 3)).numpy() - 127

    found = measure(photographs, {"dev_train": pairs, "dev_test": pairs}, {"colours": mean_colours}, {"Blind": Blind()})
    assert found["photographs"] == 6 and found["faces_missed"] == {"Blind": 3}
    (run,) = found["runs"]
    assert run["model"] == "colours" and run["detector"] == "Blind" and 0 <= run["accuracy"] <= 1


def test_the_table_says_what_int8_loses_and_what_is_promised():
    runs = [
        {"detector": "D", "model": f"student, {bits}", "accuracy": accuracy, "interval": [0.9, 0.99]}
        for bits, accuracy in (("fp32", 0.97), ("int8", 0.961))
    ]
    rows = compare({"runs": runs, "bytes": {"fp32": 2_700_000, "int8": 843_000}, "load_seconds": 0.1})
    table = {row["name"]: row for row in rows}
    assert table["student, fp32; D"]["verdict"] == "met" and table["student, fp32; D"]["low"] == 90
    assert table["what int8 loses; D"]["value"] == pytest.approx(0.9)
    assert table["what int8 loses; D"]["verdict"] == "missed" and table["int8 file"]["verdict"] == "met"
