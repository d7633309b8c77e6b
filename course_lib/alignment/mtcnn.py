"""MTCNN: three networks, each larger than the last, that look at ever fewer places.

Source: Zhang et al. 2016, "Joint face detection and alignment using multitask cascaded convolutional networks". The
first network scans every level of an image pyramid for anything like a face; the second and the third look again at
what is left and correct the boxes, and the third also finds the landmarks.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.alignment.boxes import nms, squared
from course_lib.alignment.detector import Face
from course_lib.alignment.mtcnn_networks import CropNet, ONet, PNet, RNet, with_weights
from course_lib.alignment.photograph import Photograph, as_rgb
from course_lib.alignment.summed_area import crops, scaled, summed_area

CELL, STRIDE = 12, 2  # pixels: the window of the first network, and from one window to the next
# Small portions stay in the processor's cache, and the memory needed does not grow with the work.
SCANNED_PIXELS, BATCH_PIXELS, HELD_PIXELS = 200_000, 1_000_000, 20_000_000


@dataclass(frozen=True, eq=False)
class Candidates:
    """N places that may hold a face, in one or several photographs.

    Attributes:
        boxes: float64 (N, 4): left, top, right, bottom in pixels.
        scores: float64 (N,), 0..1.
        shifts: float64 (N, 4): how far the network would still move each side, in widths and heights of the box.
        landmarks: float64 (N, 5, 2) in pixels; (N, 0, 2) before the third network.
        photographs: int64 (N,), the index of the photograph.
    """

    boxes: np.ndarray
    scores: np.ndarray
    shifts: np.ndarray
    landmarks: np.ndarray
    photographs: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        scores = f", scores {self.scores.min():.2f} to {self.scores.max():.2f}" if len(self) else ""
        return f"Candidates({len(self):,} boxes{scores})"

    def __getitem__(self, which: np.ndarray) -> Candidates:
        return Candidates(**{name: values[which] for name, values in vars(self).items()})

    def corrected(self) -> Candidates:
        """With each side of the boxes moved by its shift."""
        moved = self.boxes + self.shifts * np.tile(self.boxes[:, 2:] - self.boxes[:, :2], 2)
        return replace(self, boxes=moved, shifts=np.zeros_like(moved))

    def suppressed(self, threshold: float, mode: str = "union") -> Candidates:
        """Without those that overlap a surer one in the same photograph (see ``nms``); the surest first."""
        return self[nms(self.boxes, self.scores, threshold, mode=mode, groups=self.photographs)]

    def per_photograph(self, photographs: int) -> np.ndarray:
        """How many there are of each photograph: int64 (photographs,)."""
        return np.bincount(self.photographs, minlength=photographs)

    def surest(self, most: int) -> Candidates:
        """The first ``most`` of each photograph; of those that come with the surest first."""
        order = np.argsort(self.photographs, kind="stable")
        in_order = self.photographs[order]
        rank = np.arange(len(self)) - np.searchsorted(in_order, in_order)
        return self[np.sort(order[rank < most])]


@dataclass(frozen=True, eq=False)
class Stages:
    """What the cascade sees in one photograph, from its first look to the faces.

    Attributes:
        pyramid: the levels that the first network scans, uint8 (height, width, 3), the largest first.
        scales: of each level; the photograph is 1.
        proposals, refined: left by the first network and by the second.
        faces: left by the third.
        left_out: how many proposals the second did not look at, as they were too many.
    """

    pyramid: list[np.ndarray]
    scales: list[float]
    proposals: Candidates
    refined: Candidates
    faces: list[Face]
    left_out: int = 0

    def __repr__(self) -> str:
        left = f"{len(self.proposals):,} proposals, {len(self.refined):,} refined, {len(self.faces):,} faces"
        left += f", {self.left_out:,} left out" * (self.left_out > 0)
        return f"Stages({len(self.pyramid)} levels, {left})"


class MTCNN:
    """A ``Detector``: the cascade, with its authors' weights.

    On one core a photograph of 250x250 pixels takes 10 ms, one of 12 million 1.5 s and 0.4 GB.

    Args:
        min_face: the side in pixels of the smallest face to look for. Twice as large takes a quarter of the time.
        factor: from one level of the pyramid to the next.
        thresholds: the scores that a candidate must pass in the three stages.
        max_candidates: of one photograph, for the second network; beyond them the least sure are left out, with a
            warning that counts them. Thousands of small faces come to as many; 50,000 take 20 s and 0.9 GB.
        device: where the networks run.

    Raises:
        FileNotFoundError: the weights, which come with the course, are missing.
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        *,
        min_face: float = 20,
        factor: float = 0.709,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
        max_candidates: int = 50_000,
        device: str | torch.device = "cpu",
    ) -> None:
        if not 1 <= min_face < math.inf:
            raise ValueError(f"min_face is {min_face}; expected the side of a face in pixels, at least 1")
        if not 0 < factor < 1:
            raise ValueError(f"factor is {factor}; expected a number between 0 and 1: each level is smaller")
        if len(thresholds) != 3 or not all(0 < threshold < 1 for threshold in thresholds):
            raise ValueError(f"thresholds are {thresholds}; expected three numbers between 0 and 1")
        if max_candidates < 1:
            raise ValueError(f"max_candidates is {max_candidates}; expected at least 1")
        self.min_face, self.factor, self.thresholds, self.device = min_face, factor, thresholds, torch.device(device)
        self.max_candidates = max_candidates
        self.pnet, self.rnet, self.onet = (with_weights(network(), self.device) for network in (PNet, RNet, ONet))

    def settings(self) -> dict[str, Any]:
        """What decides the faces it finds, as plain values; the weights by their hash."""
        weights = hashlib.sha256()
        for network in (self.pnet, self.rnet, self.onet):
            for values in network.state_dict().values():
                weights.update(values.cpu().numpy().tobytes())
        return {
            "min_face": float(self.min_face),
            "factor": self.factor,
            "thresholds": list(self.thresholds),
            "device": str(self.device),
            "weights": weights.hexdigest(),
        }

    def detect(self, image: Photograph) -> list[Face]:
        """All faces of one photograph, the surest first; see ``Detector``."""
        return self.detect_many([image])[0]

    def detect_many(self, images: Sequence[Photograph]) -> list[list[Face]]:
        """The faces of each photograph; those of equal size are looked at together."""
        found: dict[int, list[Face]] = {}
        for batch in _batches_of_equal_size(images):
            _, _, output, left_out = self._cascade(summed_area(np.stack(list(batch.values()))))
            self._warn(dict(zip(batch, left_out, strict=True)))
            found.update(zip(batch, _faces_of_each(output, len(batch)), strict=True))
        return [found[number] for number in range(len(found))]

    def stages(self, image: Photograph) -> Stages:
        """All that ``detect`` does with one photograph, for looking at it."""
        pixels = as_rgb(image)
        tables = summed_area(pixels[None])
        sizes = self.pyramid_sizes(*pixels.shape[:2])
        proposals, refined, output, left_out = self._cascade(tables)
        return Stages(
            pyramid=[scaled(tables, size)[0].round().astype(np.uint8) for size in sizes],
            scales=[size[0] / pixels.shape[0] for size in sizes],
            proposals=proposals,
            refined=refined,
            faces=_faces_of_each(output, 1)[0],
            left_out=left_out[0],
        )

    def pyramid_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width of each level, from the one where ``min_face`` fills a window to the last that holds one."""
        sizes = []
        scale = CELL / self.min_face
        while scale * min(height, width) >= CELL:
            sizes.append((math.ceil(scale * height), math.ceil(scale * width)))
            scale *= self.factor
        return sizes

    @torch.inference_mode()
    def _cascade(self, tables: np.ndarray) -> tuple[Candidates, Candidates, Candidates, list[int]]:
        """What each stage leaves, of photographs of one size, and how many proposals of each photograph were too many.

        The overlaps allowed are the authors'.
        """
        sizes = self.pyramid_sizes(tables.shape[1] - 1, tables.shape[2] - 1)
        seen = _joined([self._scan(tables, size).suppressed(0.5) for size in sizes])
        seen = seen.suppressed(0.7)
        proposals = seen.surest(self.max_candidates).corrected()
        too_many = seen.per_photograph(len(tables)) - proposals.per_photograph(len(tables))
        refined = self._look(self.rnet, tables, proposals, self.thresholds[1]).suppressed(0.7).corrected()
        output = self._look(self.onet, tables, refined, self.thresholds[2]).corrected().suppressed(0.7, "min")
        return proposals, refined, output, too_many.tolist()

    def _warn(self, left_out: dict[int, int]) -> None:
        """Count what was left out of photographs, by their number."""
        for number, count in left_out.items():
            if count:
                warnings.warn(
                    f"photograph {number} has {self.max_candidates + count:,} places that may be faces: MTCNN looks at "
                    f"the {self.max_candidates:,} surest, {count:,} are left out; max_candidates= raises the limit",
                    stacklevel=3,
                )

    def _scan(self, tables: np.ndarray, size: tuple[int, int]) -> Candidates:
        """Every window of one level that the first network takes for a face."""
        windows = (size[0] - CELL + 1) // STRIDE + 1
        step = max(1, SCANNED_PIXELS // (len(tables) * size[1] * STRIDE))
        found = []
        for first in range(0, windows, step):
            top, bottom = STRIDE * first, min(STRIDE * (first + step - 1) + CELL, size[0])
            scores, shifts = self.pnet(self._input(scaled(tables, size, range(top, bottom))))
            chosen = scores > self.thresholds[0]
            photographs, rows, columns = chosen.nonzero().cpu().numpy().T
            corner = np.stack([columns, rows + first], axis=1) * STRIDE
            found.append((corner, _numbers(scores[chosen]), _numbers(shifts[chosen]), photographs))
        corners, scores, shifts, photographs = map(np.concatenate, zip(*found, strict=True))
        grown = (np.array(tables.shape[2:0:-1]) - 1) / (size[1], size[0])
        boxes = np.hstack([corners * grown, (corners + CELL) * grown]) - 0.5
        return Candidates(boxes, scores, shifts, np.empty((len(boxes), 0, 2)), photographs)

    def _look(self, network: CropNet, tables: np.ndarray, candidates: Candidates, threshold: float) -> Candidates:
        """The candidates that a network takes for faces, in squares of whole pixels."""
        squares = squared(candidates.boxes)
        corners = np.rint(squares[:, :2] + 0.5).astype(np.int64)
        sides = np.rint(squares[:, 2:] - squares[:, :2]).astype(np.int64).clip(min=1)
        squares = np.hstack([corners, corners + sides])
        found = []
        for start in range(0, max(1, len(squares)), network.portion):
            portion = slice(start, start + network.portion)
            pixels = crops(tables, candidates.photographs[portion], squares[portion], network.side)
            found.append(network(self._input(pixels)))
        scores, shifts, landmarks = (_numbers(torch.cat(parts)) for parts in zip(*found, strict=True))
        # From the corner of a square; (0, 0) is the centre of the first pixel. So a mirrored photograph has mirrored
        # landmarks; facenet-pytorch leaves them a pixel further right and down, as its crops are rounded down.
        landmarks = corners[:, None] + landmarks * sides[:, None] - 0.5
        judged = Candidates(squares - 0.5, scores, shifts, landmarks, candidates.photographs)
        return judged[scores > threshold]

    def _input(self, pixels: np.ndarray) -> Tensor:
        """(N, H, W, 3) of 0..255 as (N, 3, H, W) of about -1..1, channels last in memory."""
        return torch.from_numpy(pixels).to(self.device).sub_(127.5).div_(128).permute(0, 3, 1, 2)


def _batches_of_equal_size(images: Iterable[Photograph]) -> Iterator[dict[int, np.ndarray]]:
    """Photographs as RGB pixels, by their number, in batches of one size each and never too many at a time."""
    waiting: dict[tuple[int, ...], dict[int, np.ndarray]] = {}
    held = 0
    for number, image in enumerate(images):
        pixels = as_rgb(image)
        batch = waiting.setdefault(pixels.shape, {})
        batch[number] = pixels
        held += pixels[..., 0].size
        if len(batch) * pixels[..., 0].size >= BATCH_PIXELS:
            held -= len(batch) * pixels[..., 0].size
            yield waiting.pop(pixels.shape)
        elif held >= HELD_PIXELS:
            yield from waiting.values()
            waiting, held = {}, 0
    yield from waiting.values()


def _faces_of_each(candidates: Candidates, count: int) -> list[list[Face]]:
    """The faces of each of ``count`` photographs, in the candidates' order."""
    faces: list[list[Face]] = [[] for _ in range(count)]
    for box, score, landmarks, photograph in zip(
        candidates.boxes, candidates.scores, candidates.landmarks, candidates.photographs, strict=True
    ):
        faces[photograph].append(Face(box, landmarks, float(score)))
    return faces


def _joined(parts: Sequence[Candidates]) -> Candidates:
    """All candidates of several levels, if there are any."""
    none = Candidates(np.empty((0, 4)), np.empty(0), np.empty((0, 4)), np.empty((0, 0, 2)), np.empty(0, dtype=np.int64))
    return Candidates(**{name: np.concatenate([vars(part)[name] for part in (none, *parts)]) for name in vars(none)})


def _numbers(values: Tensor) -> np.ndarray:
    """Float64 on the processor."""
    return values.cpu().numpy().astype(np.float64)
