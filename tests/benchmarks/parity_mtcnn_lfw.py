"""`make parity`: the benchmark against facenet-pytorch, on a few photographs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from benchmarks.mtcnn_lfw import measure
from course_lib.data import orl_faces


@pytest.fixture(scope="module")
def portraits() -> np.ndarray:
    """ORL portraits in the middle of grey photographs, uint8 (6, 192, 172, 3)."""
    grey = orl_faces().images[::70, 0].numpy()
    return np.pad(grey, ((0, 0), (40, 40), (40, 40)), constant_values=128)[..., None].repeat(3, axis=3)


def test_the_record_has_times_recall_and_landmarks(portraits):
    threads = torch.get_num_threads(), cv2.getNumThreads()
    figures = measure(portraits, rounds=2, threads=(1,))
    assert (torch.get_num_threads(), cv2.getNumThreads()) == threads
    assert figures["milliseconds"].keys() == {
        f"{name}, threads: 1" for name in ("facenet-pytorch", "detect_many", "detect")
    }
    rows = {row["name"]: row for row in figures["comparisons"]}
    assert rows["1 thread: facenet-pytorch / detect_many, time"]["target"] == 2.0
    assert rows["subjects found, facenet-pytorch"]["value"] == rows["subjects found, ours"]["value"] == 100
    assert 0 < rows["landmarks apart, mean"]["value"] < 0.08
    assert rows["landmarks apart, mean"]["target"] == 0.05
