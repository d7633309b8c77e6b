from __future__ import annotations

import cv2
import numpy as np

from benchmarks.alignment import measure, scene


def test_all_contestants_do_the_same_work():
    threads = cv2.getNumThreads()
    figures = measure(faces=20, photographs=5, side=90, rounds=2)
    assert figures["crops_equal_to_the_pixel"] is True
    assert figures["largest_difference_of_matrices"] < 1e-9
    assert figures["faces_per_second"].keys() == {
        "scikit-image loop",
        "similarity",
        "scikit-image + OpenCV loop",
        "similarity + warp",
        "the same, two threads",
    }
    assert [row["target"] for row in figures["comparisons"]] == [20.0, 1.4, None]
    assert cv2.getNumThreads() == threads


def test_faces_lie_inside_their_photographs_and_differ():
    landmarks, images = scene(50, 10, 250)
    assert landmarks.shape == (50, 5, 2) and len(images) == 50
    assert np.shares_memory(images[0], images[10]) and not np.array_equal(images[0], images[1])
    assert landmarks.min() > 0 and landmarks.max() < 250
    widths = np.linalg.norm(landmarks[:, 1] - landmarks[:, 0], axis=1)
    assert widths.max() > 1.5 * widths.min()
