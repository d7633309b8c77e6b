"""RetinaFace on LFW's View 1: whose face it finds, and its speed against the steps of the code it was released with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from onnxruntime import InferenceSession, SessionOptions
from tqdm import tqdm

from benchmarks.comparison import interleaved, spread, timed
from benchmarks.record import write_record
from course_lib.alignment import Detector, Face, as_rgb
from course_lib.alignment.retinaface import MEAN, SURE, WEIGHTS, RetinaFace
from course_lib.data import data_folder, lfw_pairs

SEED = 0
RELEASED, AT_OWN_SIZE = "released code's steps", "RetinaFace(min_face=32)"
ONE_THREAD, TWO_THREADS = "RetinaFace()", "RetinaFace(), two threads"


def main() -> dict[str, Any]:
    """Measure recall on all 4,992 photographs of View 1 and speed on 100 of them, and write the record."""
    figures = measure(view1_photographs(), n_timed=100, rounds=9)
    write_record("retinaface_lfw", "python -m benchmarks retinaface_lfw", SEED, figures)
    return figures


def view1_photographs() -> list[Path]:
    """The photographs that View 1's pairs use, of LFW in the data folder.

    Raises:
        FileNotFoundError: LFW is not there; the message names what is missing and the script that fetches it.
    """
    views = [lfw_pairs(view=view) for view in ("dev_train", "dev_test")]
    used = np.unique(np.concatenate([side for pairs in views for side in (pairs.left, pairs.right)]))
    folder = next((data_folder() / "lfw").glob("lfw*"))
    files = sorted(folder.glob("*/*.jpg"))  # the order that the pairs count in
    return [files[index] for index in used]


def measure(files: Sequence[Path], n_timed: int, rounds: int) -> dict[str, Any]:
    """Recall on all files, with one thread; then four contestants on ``n_timed`` of them, already in memory."""
    single = RetinaFace(threads=1)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        found = search(single, files)
        chosen = np.random.default_rng(SEED).choice(len(files), min(n_timed, len(files)), replace=False)
        contestants = in_turn(single, [as_rgb(files[index]) for index in chosen])
        for contestant in contestants.values():
            contestant()  # the first call allocates
        race = interleaved(contestants, rounds)
    finally:
        cv2.setNumThreads(threads)
    return {
        "settings": {"photographs": len(files), "timed": len(chosen), "threshold": single.threshold},
        "others_cpu_percent": race.others_percent,
        "photographs_per_second": {name: round(len(chosen) / race.median(name), 1) for name in contestants},
        **found,
        "comparisons": [
            spread("subjects found", [found["found_percent"]], target=99.5, unit="%").plain(),
            spread("photographs/s from files, one thread", [found["from_files_per_second"]], unit="1/s").plain(),
            race.ratio("at 250x250: released code's steps / RetinaFace", RELEASED, AT_OWN_SIZE).plain(),
            race.ratio("RetinaFace(): one thread / two", ONE_THREAD, TWO_THREADS).plain(),
        ],
    }


def search(detector: Detector, files: Sequence[Path], portion: int = 64) -> dict[str, Any]:
    """How many subjects are found: a box around the photograph's centre, where LFW has the person it is of."""
    hits: list[bool] = []
    faces = 0

    def read_and_detect() -> None:
        nonlocal faces
        for start in tqdm(range(0, len(files), portion), unit="portion", leave=False):
            images = [as_rgb(file) for file in files[start : start + portion]]
            for image, found in zip(images, detector.detect_many(images), strict=True):
                hits.append(any(around_centre(face, image) for face in found))
                faces += len(found)

    seconds = timed(read_and_detect)
    return {
        "found_percent": 100 * float(np.mean(hits)),
        "missed": len(hits) - sum(hits),
        "faces_per_photograph": round(faces / len(hits), 4),
        "from_files_per_second": len(hits) / seconds,
    }


def around_centre(face: Face, image: np.ndarray) -> bool:
    """Whether the box contains the image's centre."""
    centre = (np.array(image.shape[1::-1]) - 1) / 2
    return bool((face.box[:2] <= centre).all() and (centre <= face.box[2:]).all())


def in_turn(single: RetinaFace, images: Sequence[np.ndarray]) -> dict[str, Callable[[], object]]:
    """Each contestant finds the faces of all images."""
    released, own_size, two = ReleasedSteps(), RetinaFace(threads=1, min_face=SURE), RetinaFace(threads=2)
    return {
        RELEASED: lambda: [released.detect(image) for image in images],
        AT_OWN_SIZE: lambda: own_size.detect_many(images),
        ONE_THREAD: lambda: single.detect_many(images),
        TWO_THREADS: lambda: two.detect_many(images),
    }


class ReleasedSteps:
    """The same network on one thread, with what the code that came with it does before and after, step by step.

    That is: the photograph at its own size, the anchors listed by loops for every photograph, all of them decoded,
    those above a score of 0.02 sorted, and suppressed one by one. Boxes are in the network's own coordinates.
    """

    def __init__(self) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = 1
        self.session = InferenceSession(data_folder() / WEIGHTS, options, providers=["CPUExecutionProvider"])

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Boxes (N, 4), landmarks (N, 10) and scores (N,) above 0.5, the surest first."""
        height, width = image.shape[:2]
        pixels = image[..., ::-1].astype(np.float32) - np.array(MEAN[::-1], dtype=np.float32)
        outputs = self.session.run(None, {"input": np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])})
        boxes, scores, landmarks = outputs[0][0], outputs[1][0, :, 1], outputs[2][0]
        priors = np.array(listed_anchors(height, width))
        centres = priors[:, :2] + boxes[:, :2] * 0.1 * priors[:, 2:]
        sizes = priors[:, 2:] * np.exp(boxes[:, 2:] * 0.2)
        boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1) * [width, height, width, height]
        points = [priors[:, :2] + landmarks[:, at : at + 2] * 0.1 * priors[:, 2:] for at in range(0, 10, 2)]
        landmarks = np.concatenate(points, axis=1) * ([width, height] * 5)
        order = np.flatnonzero(scores > 0.02)
        order = order[scores[order].argsort()[::-1]][:5000]
        boxes, landmarks, scores = boxes[order], landmarks[order], scores[order]
        kept = [index for index in one_by_one(boxes, 0.4) if scores[index] > 0.5]
        return boxes[kept], landmarks[kept], scores[kept]


def listed_anchors(height: int, width: int) -> list[list[float]]:
    """Centre x, y, width and height of every anchor, in fractions of the image."""
    listed = []
    for step, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for row in range(-(-height // step)):
            for column in range(-(-width // step)):
                for side in sides:
                    centre = [(column + 0.5) * step / width, (row + 0.5) * step / height]
                    listed.append([*centre, side / width, side / height])
    return listed


def one_by_one(boxes: np.ndarray, threshold: float) -> list[int]:
    """Non-maximum suppression of boxes that come with the best first."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept, waiting = [], np.arange(len(boxes))
    while len(waiting):
        best, rest = waiting[0], waiting[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        shared = (np.minimum(boxes[best, 2:], boxes[rest, 2:]) - low).clip(min=0).prod(axis=1)
        waiting = rest[shared / (areas[best] + areas[rest] - shared) <= threshold]
    return kept
