"""The cascade of MTCNN once more, one window and one candidate at a time, with the detector's own networks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.alignment.mtcnn import MTCNN
from course_lib.alignment.summed_area import crops, scaled, summed_area


@dataclass
class Place:
    """A box (left, top, right, bottom), its score, how far its sides would still move, and landmarks (5, 2)."""

    box: list[float]
    score: float
    shift: list[float]
    landmarks: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))

    def moved(self) -> Place:
        width, height = self.box[2] - self.box[0], self.box[3] - self.box[1]
        lengths = (width, height, width, height)
        box = [edge + part * length for edge, part, length in zip(self.box, self.shift, lengths, strict=True)]
        return Place(box, self.score, [0.0] * 4, self.landmarks)


@torch.no_grad()
def plain_cascade(detector: MTCNN, photograph: np.ndarray) -> tuple[list[Place], list[Place], list[Place]]:
    """What the three stages leave of an RGB photograph (H, W, 3)."""
    tables = summed_area(photograph[None])
    (height, width), seen, scale = photograph.shape[:2], [], 12 / detector.min_face
    while scale * min(height, width) >= 12:
        size = math.ceil(scale * height), math.ceil(scale * width)
        scores, shifts = (part[0].tolist() for part in detector.pnet(as_input(scaled(tables, size))))
        found = []
        for row, scores_of_row in enumerate(scores):
            for column, score in enumerate(scores_of_row):
                if score > detector.thresholds[0]:
                    edges = (2 * column, 2 * row, 2 * column + 12, 2 * row + 12)
                    grown = (width / size[1], height / size[0]) * 2
                    box = [edge * factor - 0.5 for edge, factor in zip(edges, grown, strict=True)]
                    found.append(Place(box, score, shifts[row][column]))
        seen += without_rivals(found, 0.5)
        scale *= detector.factor
    proposals = [place.moved() for place in without_rivals(seen, 0.7)]
    refined = without_rivals(second_look(detector.rnet, tables, proposals, detector.thresholds[1]), 0.7)
    refined = [place.moved() for place in refined]
    faces = [place.moved() for place in second_look(detector.onet, tables, refined, detector.thresholds[2])]
    return proposals, refined, without_rivals(faces, 0.7, smaller=True)


def second_look(network: nn.Module, tables: np.ndarray, places: list[Place], threshold: float) -> list[Place]:
    judged = []
    for place in places:
        left, top, right, bottom = place.box
        longer = max(right - left, bottom - top)
        side = max(1, round(longer))
        x, y = round((left + right - longer) / 2 + 0.5), round((top + bottom - longer) / 2 + 0.5)
        pixels = crops(tables, np.array([0]), np.array([[x, y, x + side, y + side]]), network.side)
        score, shift, landmarks = (part[0].double().numpy() for part in network(as_input(pixels)))
        if score > threshold:
            box = [x - 0.5, y - 0.5, x + side - 0.5, y + side - 0.5]
            judged.append(Place(box, float(score), shift.tolist(), landmarks * side + (x - 0.5, y - 0.5)))
    return judged


def without_rivals(places: list[Place], threshold: float, smaller: bool = False) -> list[Place]:
    kept: list[Place] = []
    for place in sorted(places, key=lambda each: -each.score):
        if all(shared(place.box, better.box, smaller) <= threshold for better in kept):
            kept.append(place)
    return kept


def shared(one: list[float], other: list[float], smaller: bool) -> float:
    width, height = (max(0.0, min(one[i + 2], other[i + 2]) - max(one[i], other[i])) for i in (0, 1))
    area, other_area = ((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return width * height / (min(area, other_area) if smaller else area + other_area - width * height)


def as_input(pixels: np.ndarray) -> Tensor:
    return ((torch.from_numpy(pixels).float() - 127.5) / 128).permute(0, 3, 1, 2)
