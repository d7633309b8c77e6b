"""What a box without landmarks costs on LFW View 1: stretch and frame told apart, with the shipped model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.alignment_accuracy import central_faces
from benchmarks.comparison import Comparison
from benchmarks.record import recorded_runs, write_record
from course_lib import data, evaluation, weights
from course_lib.alignment import MTCNN, Detector, Face, similarity, template, warp
from course_lib.data.lfw import FACE_SQUARE
from course_lib.training import embed

NAME = "crop_or_landmarks"
MODEL = "mobilefacenet_075_relu"
SIDE = 112
TRAIN, TEST = "dev_train", "dev_test"
POINTS = "five points"
UPRIGHT = "five points, not turned"
SQUARE = "the same square"
BOX = "the box, stretched"
UNSTRETCHED = "the box, not stretched"
FRAMED, UNSTRETCHED_FRAMED = f"{BOX}, framed", f"{UNSTRETCHED}, framed"
# What is lost without the landmarks, and the parts of it.
PAIRED = (
    (POINTS, UPRIGHT),
    (POINTS, SQUARE),
    (POINTS, BOX),
    (POINTS, UNSTRETCHED_FRAMED),
    (UNSTRETCHED_FRAMED, FRAMED),
    (UNSTRETCHED_FRAMED, UNSTRETCHED),
    (UNSTRETCHED, BOX),
    (FRAMED, BOX),
)
Cut = Callable[[Face], np.ndarray]  # a face to the matrix from its photograph to the crop


def main() -> dict[str, Any]:
    """Measure what the record does not hold yet; the record is written after each way to cut."""
    photographs = data.lfw(crop=None, size=(250, 250)).images.permute(0, 2, 3, 1).contiguous().numpy()
    pairs = {view: data.lfw_pairs(view=view) for view in (TRAIN, TEST)}
    model = weights.load(MODEL)
    figures = sweep(photographs, pairs, lambda crops: embed(model, crops), MTCNN())
    figures |= {"comparisons": compare(figures["runs"], len(pairs[TEST]))}
    write_record(NAME, f"python -m benchmarks {NAME}", 0, figures)
    return figures


def sweep(
    photographs: np.ndarray,
    pairs: Mapping[str, data.Pairs],
    embed_crops: Callable[[torch.Tensor], np.ndarray],
    detector: Detector,
) -> dict[str, Any]:
    """One run per way to cut; where no face is found, all ways cut the same square.

    What a way needs to know of boxes in general is fitted to the photographs of the training pairs.
    """
    settings = {"photographs": len(photographs), "pairs": {view: len(some) for view, some in pairs.items()}}
    settings["model"] = MODEL
    runs = recorded_runs(NAME, settings)
    faces = central_faces(photographs, detector)
    learned = [faces[i] for i in np.unique([pairs[TRAIN].left, pairs[TRAIN].right]) if faces[i] is not None]
    tested = [faces[i] for i in np.unique([pairs[TEST].left, pairs[TEST].right]) if faces[i] is not None]
    frames = {FRAMED: fitted_frame(learned, True), UNSTRETCHED_FRAMED: fitted_frame(learned, False)}
    plain = {name: [round(value, 5) for value in (scale, *centre)] for name, (scale, centre) in frames.items()}
    figures = {"settings": settings, "not_found": faces.count(None), "frames": plain, "runs": runs}
    missing = {name: cut for name, cut in ways(learned).items() if name not in {run["cut"] for run in runs}}
    for name, cut in tqdm(missing.items(), unit="way", disable=None):
        matrices = np.stack([same_square(None) if face is None else cut(face) for face in faces])
        crops = torch.from_numpy(warp(photographs, matrices, SIDE)).permute(0, 3, 1, 2)
        runs.append({"cut": name, **geometry(cut, tested), **decided(embed_crops(crops), pairs)})
        write_record(NAME, f"python -m benchmarks {NAME}", 0, figures)
    return figures


def ways(learned: Sequence[Face]) -> dict[str, Cut]:
    """Every way to cut by its name; ``learned`` are the faces that fix where a box is to lie."""
    cuts: dict[str, Cut] = {
        POINTS: lambda face: similarity(face.landmarks, template(SIDE)),
        UPRIGHT: upright,
        SQUARE: same_square,
    }
    for framed, stretched in product((False, True), (True, False)):
        frame = fitted_frame(learned, stretched) if framed else (1.0, np.full(2, (SIDE - 1) / 2))
        name = (BOX if stretched else UNSTRETCHED) + (", framed" if framed else "")
        cuts[name] = lambda face, frame=frame, stretched=stretched: by_box(face, stretched, *frame)
    return cuts


def same_square(face: Face | None) -> np.ndarray:
    """The square that fits LFW's mean face, whoever is in the photograph."""
    top, left, side = FACE_SQUARE
    scale = SIDE / side
    return np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])


def upright(face: Face) -> np.ndarray:
    """Scale and shift of the five points, without their rotation: the best in least squares."""
    around, onto = (points - points.mean(0) for points in (face.landmarks, template(SIDE)))
    scale = (around * onto).sum() / (around**2).sum()
    return _matrix([scale, scale], face.landmarks.mean(0), template(SIDE).mean(0))


def by_box(face: Face, stretched: bool, scale: float, centre: np.ndarray) -> np.ndarray:
    """The detector's box, scaled to the crop and then by ``scale``, its centre brought to ``centre`` (2,).

    ``stretched``: width and height each to the side of the crop; otherwise their mean, so that nothing is stretched.
    """
    return _matrix(scale * SIDE / _sides(face, stretched), face.box.reshape(2, 2).mean(0), centre)


def fitted_frame(faces: Sequence[Face], stretched: bool) -> tuple[float, np.ndarray]:
    """One scale and one centre for all boxes, which bring the landmarks of these faces nearest to the template."""
    points = np.stack([(f.landmarks - f.box.reshape(2, 2).mean(0)) * SIDE / _sides(f, stretched) for f in faces])
    around, onto = points - points.mean((0, 1)), template(SIDE) - template(SIDE).mean(0)
    scale = (around * onto).sum() / (around**2).sum()
    return float(scale), template(SIDE).mean(0) - scale * points.mean((0, 1))


def geometry(cut: Cut, faces: Sequence[Face]) -> dict[str, float]:
    """How far from the template the true landmarks come to lie, in pixels of the crop, and how the face is stretched.

    Both are means over the faces; stretch is the largest magnification over the smallest.
    """
    matrices = np.stack([cut(face) for face in faces])
    points = np.einsum("nij,nkj->nki", matrices[:, :, :2], np.stack([face.landmarks for face in faces]))
    off = np.linalg.norm(points + matrices[:, None, :, 2] - template(SIDE), axis=2)
    sizes = np.linalg.svd(matrices[:, :, :2], compute_uv=False)
    return {"off_template": round(float(off.mean()), 3), "stretch": round(float((sizes[:, 0] / sizes[:, 1]).mean()), 4)}


def decided(embeddings: np.ndarray, pairs: Mapping[str, data.Pairs]) -> dict[str, Any]:
    """Accuracy on the test pairs with the threshold that is best on the training pairs, and which went wrong."""
    scores = {view: evaluation.cosine_scores(embeddings, some.left, some.right) for view, some in pairs.items()}
    threshold = evaluation.best_threshold(scores[TRAIN], pairs[TRAIN].same)
    wrong = np.flatnonzero((scores[TEST] >= threshold) != pairs[TEST].same)
    n = len(pairs[TEST])
    interval = evaluation.wilson(n - len(wrong), n)
    return {
        "accuracy": round(1 - len(wrong) / n, 5),
        "interval": [round(interval.low, 5), round(interval.high, 5)],
        "threshold": round(float(threshold), 4),
        "eer": round(evaluation.eer(scores[TEST], pairs[TEST].same).rate, 5),
        "wrong": wrong.tolist(),
    }


def compare(runs: Sequence[dict[str, Any]], n_pairs: int) -> list[dict[str, Any]]:
    """Accuracy in per cent of each way; then, on the same pairs, what one way decides better than another.

    A difference stands with the 95 % interval of paired decisions and the p of McNemar's test in its name.
    """
    rows = [
        Comparison(run["cut"], 100 * run["accuracy"], *(100 * end for end in run["interval"]), unit="%").plain()
        for run in runs
    ]
    right = {run["cut"]: ~np.isin(np.arange(n_pairs), run["wrong"]) for run in runs}
    for better, worse in PAIRED:
        test = evaluation.mcnemar(right[better], right[worse])
        gained = 100 * (right[better].astype(float) - right[worse])
        ends = evaluation.mean_interval(gained)
        name = f"{better} - {worse}: McNemar {test.only_a} to {test.only_b}, p {test.p:.2g}"
        rows.append(Comparison(name, gained.mean(), ends.low, ends.high, unit="points").plain())
    return rows


def _sides(face: Face, stretched: bool) -> np.ndarray:
    """Width and height of the box (2,), or their mean twice."""
    sides = face.box[2:] - face.box[:2]
    return sides if stretched else np.full(2, sides.mean())


def _matrix(scales: Sequence[float] | np.ndarray, centre: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Scale x and y, and bring ``centre`` to ``target``: (2, 3)."""
    return np.column_stack([np.diag(scales), target - np.asarray(scales) * centre])
