"""RetinaFace with a MobileNet of a quarter of the usual width: all faces in one pass of one network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from course_lib.alignment.anchors import STRIDES, anchors, decode_boxes, decode_landmarks
from course_lib.alignment.boxes import nms
from course_lib.alignment.detector import Face
from course_lib.alignment.photograph import Photograph, as_rgb
from course_lib.machine import cores
from course_lib.paths import data_folder, expanded

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

WEIGHTS = Path("models/retinaface_mobilenet025.onnx")  # in the data folder
WEIGHTS_SHA256 = "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"
SCRIPT = "python data_scripts/get_retinaface.py"

MEAN = (123, 117, 104)  # RGB; taken off every pixel, and the network wants BGR
OVERLAP = 0.4  # of two boxes that are one face, over their union
INSIDE = 0.7  # of a box that is part of a surer one: eyes and mouth of a huge face can pass for small faces
# Face heights in pixels of what the network is shown. On photographs of LFW's View 1 that were scaled to such sizes it
# found 98 % of the faces of 30 pixels, 83 % of those of 25, 40 % of those of 21; beyond 500 its boxes become too small.
SURE = 32
LARGEST = 448
ONE_LOOK = 640  # a longer side may hold larger faces, and needs a second look
COARSE_SIDE = 512  # at that

# Boxes (N, 4), landmarks (N, 5, 2) and scores (N,), in pixels of the photograph; several may be of one face.
_Candidates = tuple[np.ndarray, np.ndarray, np.ndarray]


class RetinaFace:
    """The detector of Deng et al. 2020 ("RetinaFace: single-shot multi-level face localisation in the wild").

    The network is the public mobilenet0.25 one (426,608 parameters, without the paper's mesh branch), run by
    onnxruntime. A photograph is scaled by 32 / ``min_face``, but to no more than ``max_side``. If it is still longer
    than 640 pixels, a second, coarse look finds the faces too large for the first.

    Args:
        weights: the ONNX file; by default ``models/retinaface_mobilenet025.onnx`` in the data folder.
        threshold: the least score of a face, 0..1.
        min_face: the height in pixels of the smallest face to find. The time goes with 1 / min_face squared: 32 is
            2.5 times as fast as 20.
        max_side: the longer side, in pixels, of what the network is shown. A photograph longer than
            ``max_side * min_face / 32`` (800 pixels by default) loses small faces in proportion: at 4000 pixels those
            below 100. The time goes with its square.
        threads: how many photographs ``detect_many`` has under way at a time; None: as many as there are cores.

    Raises:
        FileNotFoundError: there is no such file; the message names the script that fetches it.
        ValueError: the file is damaged or another one, or an argument is out of range.
    """

    def __init__(
        self,
        weights: Path | str | None = None,
        *,
        threshold: float = 0.5,
        min_face: float = 20,
        max_side: int = 1280,
        threads: int | None = None,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}; expected 0..1")
        if not min_face > 0:
            raise ValueError(f"min_face is {min_face}; expected a height in pixels above 0")
        if max_side < COARSE_SIDE:
            raise ValueError(f"max_side is {max_side}; expected at least {COARSE_SIDE} pixels")
        if threads is not None and threads < 1:
            raise ValueError(f"threads is {threads}; expected at least 1, or None for all cores")
        self.threshold, self.min_face, self.max_side = threshold, min_face, max_side
        self.threads = threads or cores()
        self._network = _load(data_folder() / WEIGHTS if weights is None else expanded(weights))

    def settings(self) -> dict[str, Any]:
        """What decides the faces it finds, as plain values; how many threads there are does not."""
        import onnxruntime

        options = {"threshold": self.threshold, "min_face": float(self.min_face), "max_side": self.max_side}
        return options | {"weights": WEIGHTS_SHA256, "onnxruntime": onnxruntime.__version__}

    def detect(self, image: Photograph) -> list[Face]:
        """All faces of one photograph (see ``as_rgb``), the surest first; an empty list if there is none."""
        return _faces([self._look(view) for view in self._views(as_rgb(image))])

    def detect_many(self, images: Sequence[Photograph]) -> list[list[Face]]:
        """The faces of each photograph, of any sizes: the same as ``detect`` on each.

        ``threads`` photographs are under way at a time. They are not batched: the network is no faster for it.
        """
        if self.threads == 1:
            return [self.detect(image) for image in images]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(self.detect, images))

    def _views(self, rgb: np.ndarray) -> Iterator[_View]:
        """What the network is shown of a photograph: one view, or where faces may be too large for it, two."""
        side = max(rgb.shape[:2])
        scale = min(SURE / self.min_face, self.max_side / side)
        if scale * side <= ONE_LOOK:
            yield _View.of(rgb, scale)
            return
        coarse = COARSE_SIDE / side
        yield _View.of(rgb, scale, largest=LARGEST)
        # From half of that on, so that no face falls between the two.
        yield _View.of(rgb, coarse, smallest=LARGEST / 2 * coarse / scale)

    def _look(self, view: _View) -> _Candidates:
        """What the network finds there that is sure enough and of a trusted height."""
        pixels = cv2.dnn.blobFromImage(view.canvas, mean=MEAN[::-1], swapRB=True)  # BGR, float32 (1, 3, H, W)
        outputs = self._network.run(["loc", "conf", "landmarks"], {"input": pixels})
        boxes, classes, landmarks = (of_one[0] for of_one in outputs)  # (N, 4), (N, 2), (N, 10)
        chosen = np.flatnonzero(classes[:, 1] >= self.threshold)  # few of thousands: only these are decoded
        squares = anchors(*view.canvas.shape[:2])[chosen]
        corners = decode_boxes(squares, boxes[chosen])
        heights = corners[:, 3] - corners[:, 1]
        trusted = (view.smallest <= heights) & (heights <= view.largest)
        points = decode_landmarks(squares, landmarks[chosen])
        scores = classes[chosen, 1].astype(np.float64)
        # The network measures from the image's corner; (0, 0) here is the centre of the first pixel.
        corners, points = corners / np.tile(view.scale, 2) - 0.5, points / view.scale - 0.5
        return corners[trusted], points[trusted], scores[trusted]


@dataclass(frozen=True)
class _View:
    """A photograph at one scale, with the face heights for which that scale is trusted."""

    canvas: np.ndarray  # RGB; padded at the right and the bottom to whole cells of every grid
    scale: np.ndarray  # of x and y
    smallest: float
    largest: float

    @classmethod
    def of(cls, rgb: np.ndarray, scale: float, smallest: float = 0.0, largest: float = np.inf) -> _View:
        """Scaled and padded with the mean, which is zero to the network, as outside of any image."""
        height, width = (max(1, round(scale * length)) for length in rgb.shape[:2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        scaled = rgb if (height, width) == rgb.shape[:2] else cv2.resize(rgb, (width, height), interpolation=how)
        padding = (0, -height % STRIDES[-1], 0, -width % STRIDES[-1])
        canvas = cv2.copyMakeBorder(scaled, *padding, cv2.BORDER_CONSTANT, value=MEAN)
        return cls(canvas, np.array([width, height]) / rgb.shape[1::-1], smallest, largest)


def _faces(found: Sequence[_Candidates]) -> list[Face]:
    """One ``Face`` for each face, the surest first."""
    boxes, landmarks, scores = (np.concatenate(of_all_views) for of_all_views in zip(*found, strict=True))
    kept = nms(boxes, scores, OVERLAP)
    kept = kept[nms(boxes[kept], scores[kept], INSIDE, mode="min")]
    return [Face(boxes[index], landmarks[index], float(scores[index])) for index in kept]


def _load(path: Path) -> InferenceSession:
    """The network, after a check that the file is the one this code was written for."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; fetch RetinaFace's weights with: {SCRIPT}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_SHA256:
        raise ValueError(
            f"{path} is damaged or another file: its sha256 is {found}; expected {WEIGHTS_SHA256}."
            f" Delete it and fetch it again with: {SCRIPT}"
        )
    from onnxruntime import InferenceSession, SessionOptions  # here: whoever does without RetinaFace does without it

    options = SessionOptions()
    options.intra_op_num_threads = 1  # threads are of more use to whole photographs
    return InferenceSession(content, options, providers=["CPUExecutionProvider"])
