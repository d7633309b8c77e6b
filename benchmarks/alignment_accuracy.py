"""What alignment is worth on LFW View 1: one strong embedder, many ways to cut the same photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import spread
from benchmarks.record import recorded_runs, write_record
from course_lib import data, evaluation
from course_lib.alignment import (
    MTCNN,
    Detector,
    Face,
    RetinaFace,
    affine,
    choose_face,
    crop_with_margin,
    perturb,
    similarity,
    template,
    warp,
)
from course_lib.data.lfw import FACE_SQUARE
from course_lib.training import embed
from course_lib.weights.teacher import load_teacher

NAME = "alignment_accuracy"
SEED = 0
DISTANCES = (1, 2, 3, 4, 6, 8)  # of each landmark, in pixels of the crop
DRAWS = 3
AT_ONCE = 256  # photographs
EYES_AND_NOSE = [0, 1, 2]
Cut = Callable[[np.ndarray, Face], np.ndarray]  # a photograph and its face to a crop


def main() -> dict[str, Any]:
    """Measure what the record does not hold yet; the record is written after each way to cut."""
    teacher = load_teacher()
    photographs = data.lfw(crop=None, size=(250, 250)).images.permute(0, 2, 3, 1).contiguous().numpy()
    pairs = {view: data.lfw_pairs(view=view) for view in ("dev_train", "dev_test")}
    figures = sweep(photographs, pairs, embed_by(teacher), {"MTCNN": MTCNN(), "RetinaFace": RetinaFace()})
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(
    photographs: np.ndarray,
    pairs: Mapping[str, data.Pairs],
    embed: Callable[[np.ndarray], np.ndarray],
    detectors: Mapping[str, Detector],
) -> dict[str, Any]:
    """One run per way to cut; where the detector finds no face, the same square is cut as without alignment."""
    settings = {"photographs": len(photographs), "distances": list(DISTANCES), "draws": DRAWS}
    runs = recorded_runs(NAME, settings)
    faces = {name: central_faces(photographs, detector) for name, detector in detectors.items()}
    found = {name: sum(face is not None for face in those) for name, those in faces.items()}
    figures = {"settings": settings, "faces_found": found, "runs": runs}
    missing = {name: way for name, way in ways().items() if name not in {run["cut"] for run in runs}}
    for name, (detector, cut) in tqdm(missing.items(), unit="way", disable=None):
        crops = cut_all(photographs, faces[detector], cut)
        runs.append({"cut": name, "detector": detector, **result(embed(crops), pairs)})
        write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def embed_by(teacher: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    """From crops uint8 (N, H, W, 3) to their embeddings (N, D)."""
    return lambda crops: embed(teacher, torch.from_numpy(crops).permute(0, 3, 1, 2))


def ways() -> dict[str, tuple[str, Cut]]:
    """Every way to cut by its name, with the detector it needs."""
    generator = np.random.default_rng(SEED)
    cuts: dict[str, tuple[str, Cut]] = {
        "MTCNN, five points": ("MTCNN", by_landmarks),
        "RetinaFace, five points": ("RetinaFace", by_landmarks),
        "no alignment: the same square": ("MTCNN", lambda photograph, face: same_square(photograph)),
        "MTCNN's box, no landmarks": ("MTCNN", by_box),
        "MTCNN, affine by three points": ("MTCNN", by_three_points),
        "MTCNN, the 96-wide template in 112 columns": ("MTCNN", by_wrong_template),
    }
    for distance in DISTANCES:
        for draw in range(DRAWS):
            cuts[f"MTCNN, moved {distance} pixels, draw {draw}"] = ("MTCNN", moved(distance, generator.spawn(1)[0]))
    return cuts


def by_landmarks(photograph: np.ndarray, face: Face) -> np.ndarray:
    """The similarity transform of five points."""
    return warp(photograph, similarity(face.landmarks, template()))


def by_three_points(photograph: np.ndarray, face: Face) -> np.ndarray:
    """The affine map of the eyes and the nose."""
    return warp(photograph, affine(face.landmarks[EYES_AND_NOSE], template()[EYES_AND_NOSE]))


def by_wrong_template(photograph: np.ndarray, face: Face) -> np.ndarray:
    """A common slip: the points for 96 columns, used for 112."""
    return warp(photograph, similarity(face.landmarks, template((112, 96))))


def by_box(photograph: np.ndarray, face: Face) -> np.ndarray:
    """The detector's box, without a margin, scaled to a square."""
    return crop_with_margin(photograph, face, margin=0, size=112, crop=112)


def same_square(photograph: np.ndarray) -> np.ndarray:
    """The square that fits LFW's mean face, cut from every photograph alike."""
    top, left, side = FACE_SQUARE
    scale = 112 / side
    return warp(photograph, np.array([[scale, 0, -left * scale], [0, scale, -top * scale]]))


def moved(distance: int, generator: np.random.Generator) -> Cut:
    """The similarity transform of five points that are so many pixels off."""
    return lambda photograph, face: warp(
        photograph, similarity(perturb(face.landmarks, distance, generator), template())
    )


def central_faces(photographs: np.ndarray, detector: Detector) -> list[Face | None]:
    """The face nearest to the centre of each photograph, whose named person stands there."""
    chosen: list[Face | None] = []
    for start in tqdm(range(0, len(photographs), AT_ONCE), unit=f"x {AT_ONCE} photographs", disable=None):
        found = detector.detect_many(photographs[start : start + AT_ONCE])
        chosen += [choose_face(faces, "central", photographs.shape[1:3]) if faces else None for faces in found]
    return chosen


def cut_all(photographs: np.ndarray, faces: Sequence[Face | None], cut: Cut) -> np.ndarray:
    """Every photograph's crop, uint8 (N, 112, 112, 3)."""
    return np.stack(
        [
            same_square(photograph) if face is None else cut(photograph, face)
            for photograph, face in zip(photographs, faces, strict=True)
        ]
    )


def result(embeddings: np.ndarray, pairs: Mapping[str, data.Pairs]) -> dict[str, Any]:
    """Accuracy on the test pairs with the threshold that is best on the training pairs, and the EER of the test."""
    scores = {view: evaluation.cosine_scores(embeddings, some.left, some.right) for view, some in pairs.items()}
    threshold = evaluation.best_threshold(scores["dev_train"], pairs["dev_train"].same)
    right = int(((scores["dev_test"] >= threshold) == pairs["dev_test"].same).sum())
    interval = evaluation.wilson(right, len(pairs["dev_test"]))
    return {
        "accuracy": right / len(pairs["dev_test"]),
        "interval": [round(interval.low, 5), round(interval.high, 5)],
        "threshold": round(threshold, 4),
        "eer": round(evaluation.eer(scores["dev_test"], pairs["dev_test"].same).rate, 5),
    }


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accuracy in per cent of each way to cut; the draws of one distance in one line."""
    grouped: dict[str, list[float]] = {}
    for run in runs:
        grouped.setdefault(run["cut"].split(", draw")[0], []).append(100 * run["accuracy"])
    return [spread(name, values, unit="%").plain() for name, values in grouped.items()]
