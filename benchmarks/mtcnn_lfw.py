"""MTCNN against facenet-pytorch's own, on photographs of LFW's View 1: time, faces found, and landmarks."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.comparison import Comparison, Race, interleaved, spread
from benchmarks.record import write_record
from course_lib.alignment import MTCNN, mirror
from course_lib.data import lfw_pairs
from course_lib.data.lfw import IMAGE_FOLDERS
from course_lib.data.photographs import read_photographs
from course_lib.export.packages import needed_for
from course_lib.paths import data_folder

SEED = 0  # nothing is drawn: the photographs are spread evenly over the list
NOTHING = np.empty((0, 4)), np.empty((0, 5, 2))

Faces = tuple[np.ndarray, np.ndarray]  # boxes (N, 4) and landmarks (N, 5, 2)


def main() -> dict[str, Any]:
    """Measure at the promised size, and write the record.

    Raises:
        ModuleNotFoundError: facenet-pytorch is not installed.
        FileNotFoundError: LFW is not in the data folder; the message says what to run.
    """
    figures = measure(view1_photographs(200), rounds=5, threads=(1, 2))
    write_record("mtcnn_lfw", "python -m benchmarks mtcnn_lfw", SEED, figures)
    return figures


def view1_photographs(count: int) -> np.ndarray:
    """So many of the photographs in View 1's list of test pairs, uint8 (count, 250, 250, 3)."""
    pairs = lfw_pairs(view="dev_test")
    listed = np.unique([pairs.left, pairs.right])
    chosen = listed[np.linspace(0, len(listed) - 1, count).astype(int)]
    folder = next(data_folder() / "lfw" / name for name in IMAGE_FOLDERS if (data_folder() / "lfw" / name).is_dir())
    files = sorted(folder.glob("*/*.jpg"))
    images = read_photographs([files[index] for index in chosen], size=None, colour=True)
    return np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())


def measure(photographs: np.ndarray, rounds: int, threads: tuple[int, ...]) -> dict[str, Any]:
    """Both detectors on photographs (N, H, W, 3) whose subject is at the centre."""
    contestants = detectors()
    races = {count: race(contestants, photographs, rounds, count) for count in threads}
    names = list(contestants)
    times = [comparison for count, measured in races.items() for comparison in ratios(measured, count)]
    found = {name: detect(photographs) for name, detect in contestants.items()}
    mirrored = {name: detect(np.ascontiguousarray(photographs[:, :, ::-1])) for name, detect in contestants.items()}
    return {
        "settings": {
            "photographs": len(photographs),
            "pixels": list(photographs.shape[1:3]),
            "facenet-pytorch": version("facenet-pytorch"),
        },
        "others_cpu_percent": max(measured.others_percent for measured in races.values()),
        "milliseconds": {
            f"{name}, threads: {count}": [round(1e3 * s / len(photographs), 3) for s in measured.seconds[name]]
            for count, measured in races.items()
            for name in names
        },
        "comparisons": [comparison.plain() for comparison in [*times, *agreement(photographs, found, mirrored)]],
    }


def detectors() -> dict[str, Callable[[np.ndarray], list[Faces]]]:
    """Each takes photographs (N, H, W, 3): facenet-pytorch one by one, as its batches fail with NumPy 2."""
    with needed_for("MTCNN is measured against it", "parity"):
        from facenet_pytorch import MTCNN as TheirMTCNN

    theirs, ours = TheirMTCNN(keep_all=True), MTCNN()

    def their_faces(photograph: np.ndarray) -> Faces:
        boxes, _, landmarks = theirs.detect(photograph, landmarks=True)
        return NOTHING if boxes is None else (np.asarray(boxes, dtype=float), np.asarray(landmarks, dtype=float))

    def plain(faces: list) -> Faces:
        return (np.array([f.box for f in faces]), np.array([f.landmarks for f in faces])) if faces else NOTHING

    return {
        "facenet-pytorch": lambda photographs: [their_faces(photograph) for photograph in photographs],
        "detect_many": lambda photographs: [plain(faces) for faces in ours.detect_many(photographs)],
        "detect": lambda photographs: [plain(ours.detect(photograph)) for photograph in photographs],
    }


def race(contestants: dict[str, Callable], photographs: np.ndarray, rounds: int, threads: int) -> Race:
    """Their times with so many threads each."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
        for detect in contestants.values():
            detect(photographs[:2])  # the first call allocates
        runs = {name: lambda detect=detect: detect(photographs) for name, detect in contestants.items()}
        return interleaved(runs, rounds)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


def ratios(measured: Race, threads: int) -> list[Comparison]:
    """How much quicker the photographs are done together, which is promised, and one by one."""
    title = f"{threads} thread{'s' * (threads > 1)}: facenet-pytorch / "
    return [
        measured.ratio(title + "detect_many, time", "facenet-pytorch", "detect_many", target=2.0),
        measured.ratio(title + "detect, time", "facenet-pytorch", "detect"),
    ]


def agreement(
    photographs: np.ndarray, found: dict[str, list[Faces]], mirrored: dict[str, list[Faces]]
) -> list[Comparison]:
    """Whose subjects are found, how far apart the landmarks are, and how far mirrored ones are from their mirror."""
    size = photographs.shape[2], photographs.shape[1]
    theirs, ours = (
        np.stack([subject(faces, size) for faces in found[name]]) for name in ("facenet-pytorch", "detect_many")
    )
    has_theirs, has_ours = (~np.isnan(landmarks[:, 0, 0]) for landmarks in (theirs, ours))
    between_eyes = np.linalg.norm(theirs[:, 1] - theirs[:, 0], axis=1)[:, None, None]
    apart = ((ours - theirs) / between_eyes)[has_theirs & has_ours]
    offset = np.median(apart, axis=(0, 1))
    too_far_right = {
        name: landmarks[..., 0] - mirror(np.stack([subject(faces, size) for faces in mirrored[name]]), size[0])[..., 0]
        for name, landmarks in (("facenet-pytorch", theirs), ("detect_many", ours))
    }
    return [
        spread("subjects found, facenet-pytorch", [100 * has_theirs.mean()], unit="%"),
        spread("subjects found, ours", [100 * has_ours.mean()], unit="%", target=float(100 * has_theirs.mean())),
        distance("landmarks apart, mean", apart, target=0.05, at_least=False),
        distance("landmarks apart, mean, without the common offset", apart - offset),
        *(
            spread(f"mirrored landmarks too far right, {name}", [np.nanmean(apart)], unit="pixels")
            for name, apart in too_far_right.items()
        ),
    ]


def distance(name: str, apart: np.ndarray, **target: Any) -> Comparison:
    """The mean length of differences (N, 5, 2), and the least and largest of a photograph."""
    each = np.linalg.norm(apart, axis=2).mean(axis=1)
    unit = "distances of the eyes"
    return Comparison(name, float(each.mean()), float(each.min()), float(each.max()), unit=unit, **target)


def subject(faces: Faces, size: tuple[int, int]) -> np.ndarray:
    """The landmarks (5, 2) of the largest face around the middle of a photograph, (width, height); NaN if there is
    none."""
    boxes, landmarks = faces
    middle = (np.array(size) - 1) / 2
    around = ((boxes[:, :2] <= middle) & (middle <= boxes[:, 2:])).all(axis=1)
    if not around.any():
        return np.full((5, 2), np.nan)
    return landmarks[np.argmax(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) * around)]
