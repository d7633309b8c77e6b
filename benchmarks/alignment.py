"""Similarity transforms and warps of many faces, against a loop of scikit-image and OpenCV as common code has it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from skimage.transform import SimilarityTransform

from benchmarks.comparison import interleaved
from benchmarks.record import write_record
from course_lib.alignment import similarity, template, warp

SEED = 0
LOOP, OURS = "scikit-image loop", "similarity"
LOOP_AND_WARP, OURS_AND_WARP, TWO_THREADS = "scikit-image + OpenCV loop", "similarity + warp", "the same, two threads"


def main() -> dict[str, Any]:
    """Measure on 2,000 faces in photographs of 250x250, and write the record."""
    figures = measure(faces=2_000, photographs=200, side=250, rounds=15)
    write_record("alignment", "python -m benchmarks alignment", SEED, figures)
    return figures


def measure(faces: int, photographs: int, side: int, rounds: int) -> dict[str, Any]:
    """Time five contestants on the same landmarks and photographs; OpenCV's own threads are off for all."""
    landmarks, images = scene(faces, photographs, side)
    target = template()

    def loop() -> list[np.ndarray]:
        return [SimilarityTransform.from_estimate(points, target).params[:2] for points in landmarks]

    def loop_and_warp() -> list[np.ndarray]:
        matrices = (SimilarityTransform.from_estimate(points, target).params[:2] for points in landmarks)
        return [cv2.warpAffine(image, matrix, (112, 112)) for image, matrix in zip(images, matrices, strict=True)]

    contestants = {
        LOOP: loop,
        OURS: lambda: similarity(landmarks, target),
        LOOP_AND_WARP: loop_and_warp,
        OURS_AND_WARP: lambda: warp(images, similarity(landmarks, target)),
        TWO_THREADS: lambda: warp(images, similarity(landmarks, target), threads=2),
    }
    difference = float(np.abs(np.stack(loop()) - similarity(landmarks, target)).max())
    same = bool(np.array_equal(np.stack(loop_and_warp()), contestants[OURS_AND_WARP]()))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        race = interleaved(contestants, rounds)
    finally:
        cv2.setNumThreads(threads)
    rates = {name: round(faces / race.median(name)) for name in contestants}
    return {
        "settings": {"faces": faces, "photographs": photographs, "side": side, "crop": 112},
        "others_cpu_percent": race.others_percent,
        "faces_per_second": rates,
        "largest_difference_of_matrices": difference,
        "crops_equal_to_the_pixel": same,
        "comparisons": [
            race.ratio("transforms: scikit-image loop / similarity", LOOP, OURS, target=20.0).plain(),
            race.ratio("with the warp: loop / ours, one thread", LOOP_AND_WARP, OURS_AND_WARP, target=1.4).plain(),
            race.ratio("with the warp: one thread / two", OURS_AND_WARP, TWO_THREADS).plain(),
        ],
    }


def scene(faces: int, photographs: int, side: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Landmarks (faces, 5, 2) of faces of many sizes and tilts, and the noise photograph each is cut from."""
    generator = np.random.default_rng(SEED)
    scale = generator.uniform(0.6, 1.2, (faces, 1, 1))
    angle = generator.normal(0, 0.2, faces)
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(-1, 2, 2)
    centred = (template() - 56) + generator.normal(0, 2, (faces, 5, 2))
    landmarks = scale * centred @ turn + side / 2
    pixels = generator.integers(0, 256, (photographs, side, side, 3)).astype(np.uint8)
    return landmarks, [pixels[number % photographs] for number in range(faces)]
