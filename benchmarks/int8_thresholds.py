"""What each threshold of the shipped 8-bit model lets through and turns away, on LFW's View 1 behind MTCNN."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.alignment_accuracy import by_landmarks, central_faces, cut_all
from benchmarks.comparison import Comparison
from benchmarks.record import read_record, write_record
from benchmarks.shipped_model import MODEL
from course_lib import data, evaluation, export, weights
from course_lib.alignment import MTCNN

NAME = "int8_thresholds"
GRID = [step / 100 for step in range(81)]  # cosines


def main() -> dict[str, Any]:
    """Count the errors on the test pairs, at every threshold, and write the record.

    Raises:
        FileNotFoundError: LFW is not in the data folder, or there is no record of the shipped model.
    """
    pairs = data.lfw_pairs(view="dev_test")
    listed = np.unique([pairs.left, pairs.right])
    images = data.lfw(crop=None, size=(250, 250)).images[torch.from_numpy(listed)]
    photographs = images.permute(0, 2, 3, 1).contiguous().numpy()
    crops = cut_all(photographs, central_faces(photographs, MTCNN()), by_landmarks)
    embeddings = export.Runtime(weights.int8_file(MODEL)).embed(torch.from_numpy(crops).permute(0, 3, 1, 2))
    left, right = (np.searchsorted(listed, indices) for indices in (pairs.left, pairs.right))
    figures = count(evaluation.cosine_scores(embeddings, left, right), pairs.same)
    figures = {"photographs": len(photographs), **figures, "default": chosen_threshold()}
    figures["comparisons"] = compare(figures)
    write_record(NAME, f"python -m benchmarks {NAME}", 0, figures)
    return figures


def count(scores: np.ndarray, same: np.ndarray) -> dict[str, Any]:
    """Errors at each threshold: impostor pairs at or above it, genuine pairs below it."""
    return {
        "impostor_pairs": int((~same).sum()),
        "genuine_pairs": int(same.sum()),
        "thresholds": GRID,
        "false_accepts": [int((scores[~same] >= threshold).sum()) for threshold in GRID],
        "false_rejects": [int((scores[same] < threshold).sum()) for threshold in GRID],
    }


def chosen_threshold() -> float:
    """What was chosen on View 1's training pairs for these 8 bits and this detector, on the grid."""
    runs = read_record("shipped_model")["figures"]["runs"]
    (run,) = (run for run in runs if (run["detector"], run["model"]) == ("MTCNN", "student, int8"))
    return round(run["threshold"], 2)


def compare(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Both error rates at the default, in per cent, with 95 % intervals (Wilson)."""
    at = figures["thresholds"].index(figures["default"])
    rows = []
    for name, errors, pairs in (
        ("FAR", figures["false_accepts"][at], figures["impostor_pairs"]),
        ("FRR", figures["false_rejects"][at], figures["genuine_pairs"]),
    ):
        interval = evaluation.wilson(errors, pairs)
        shares = (100 * share for share in (errors / pairs, interval.low, interval.high))
        rows.append(Comparison(f"{name} at {figures['default']}", *shares, unit="%").plain())
    return rows
