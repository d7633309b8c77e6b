"""The shipped model on LFW's View 1, from the photographs to the verdict: in 32 bits, in 8, and its teacher."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.alignment_accuracy import by_landmarks, central_faces, cut_all, result
from benchmarks.comparison import Comparison
from benchmarks.record import write_record
from course_lib import data, export, weights
from course_lib.alignment import MTCNN, RetinaFace
from course_lib.training import embed
from course_lib.weights.teacher import load_teacher

NAME = "shipped_model"
MODEL = "mobilefacenet_075_relu"
SIZE_LIMIT, ACCURACY_AT_LEAST, LOSS_AT_MOST, LOAD_AT_MOST = 1_000_000, 96.0, 0.5, 1.0
DETECTORS = {"RetinaFace": RetinaFace, "MTCNN": MTCNN}
Embed = Callable[[torch.Tensor], np.ndarray]


def main() -> dict[str, Any]:
    """All photographs of View 1, each detector, each contestant with and without the mirror image."""
    photographs = data.lfw(crop=None, size=(250, 250)).images.permute(0, 2, 3, 1).contiguous().numpy()
    pairs = {view: data.lfw_pairs(view=view) for view in ("dev_train", "dev_test")}
    figures = measure(photographs, pairs, contestants(), {name: make() for name, make in DETECTORS.items()})
    figures |= {"load_seconds": round(load_seconds(), 3), "bytes": sizes()}
    figures["comparisons"] = compare(figures)
    write_record(NAME, f"python -m benchmarks {NAME}", 0, figures)
    return figures


def contestants() -> dict[str, Embed]:
    """Each from uint8 crops (N, 3, 112, 112) to embeddings (N, 192)."""
    student, teacher = weights.load(MODEL), load_teacher()
    return {
        "student, fp32": lambda crops: embed(student, crops),
        "student, fp32, with its mirror image": lambda crops: embed(student, crops, flip=True),
        "student, int8": export.Runtime(weights.int8_file(MODEL)).embed,
        "teacher, with its mirror image": lambda crops: embed(teacher, crops),
    }


def measure(
    photographs: np.ndarray,
    pairs: Mapping[str, data.Pairs],
    embeds: Mapping[str, Embed],
    detectors: Mapping[str, Any],
) -> dict[str, Any]:
    """One run a detector and contestant."""
    runs, missed = [], {}
    for detector_name, detector in detectors.items():
        faces = central_faces(photographs, detector)
        missed[detector_name] = sum(face is None for face in faces)
        crops = torch.from_numpy(cut_all(photographs, faces, by_landmarks)).permute(0, 3, 1, 2)
        for name, embed_crops in embeds.items():
            found = result(embed_crops(crops), pairs)
            runs.append({"detector": detector_name, "model": name, **found})
    return {"photographs": len(photographs), "faces_missed": missed, "runs": runs}


def load_seconds() -> float:
    """How long ``weights.load`` takes, once PyTorch is there."""
    started = time.perf_counter()
    weights.load(MODEL)
    return time.perf_counter() - started


def sizes() -> dict[str, int]:
    """Bytes on disk."""
    files = {"fp32": weights.FOLDER / f"{MODEL}.safetensors", "int8": weights.int8_file(MODEL)}
    return {name: file.stat().st_size for name, file in files.items()}


def compare(figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Accuracy in per cent with 95 % intervals; what int8 loses; bytes and seconds to load."""
    rows = []
    accuracy = {(run["detector"], run["model"]): run for run in figures["runs"]}
    for (detector, model), run in accuracy.items():
        low, high = (100 * end for end in run["interval"])
        target = {"target": ACCURACY_AT_LEAST} if model == "student, fp32" else {}
        rows.append(Comparison(f"{model}; {detector}", 100 * run["accuracy"], low, high, unit="%", **target))
    for detector in dict.fromkeys(detector for detector, _ in accuracy):
        lost = 100 * (accuracy[detector, "student, fp32"]["accuracy"] - accuracy[detector, "student, int8"]["accuracy"])
        name = f"what int8 loses; {detector}"
        rows.append(Comparison(name, lost, lost, lost, target=LOSS_AT_MOST, at_least=False, unit="points"))
    size, seconds = figures["bytes"]["int8"], figures["load_seconds"]
    rows.append(Comparison("int8 file", size, size, size, target=SIZE_LIMIT, at_least=False, unit="bytes"))
    rows.append(Comparison("to load", seconds, seconds, seconds, target=LOAD_AT_MOST, at_least=False, unit="s"))
    return [row.plain() for row in rows]
