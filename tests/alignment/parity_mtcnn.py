"""`make parity`: the cascade and its networks beside facenet-pytorch's own, and what is recorded of them.

Run as a program, it writes the record anew.
"""

from __future__ import annotations

import json
import re
from typing import Any

import facenet_pytorch
import facenet_pytorch.models.mtcnn as theirs
import numpy as np
import pytest
import torch
from recorded_mtcnn import INPUTS, RECORD, network_input, photographs, recorded

from course_lib.alignment.mtcnn import MTCNN
from course_lib.alignment.mtcnn_networks import ONet, PNet, RNet, with_weights

OURS = {"PNet": PNet, "RNet": RNet, "ONet": ONet}


@torch.inference_mode()
def network_outputs(kind: str, inputs: torch.Tensor) -> dict[str, Any]:
    """Scores, shifts and landmarks of one of their networks, in the shapes that ours have."""
    shifts, *landmarks, scores = getattr(theirs, kind)()(inputs)
    if kind == "PNet":
        shifts = shifts.permute(0, 2, 3, 1)
    points = [torch.stack([found[:, :5], found[:, 5:]], dim=2) for found in landmarks]
    return {"scores": scores[:, 1].numpy(), "shifts": shifts.numpy(), "landmarks": [p.numpy() for p in points]}


def everything() -> dict[str, Any]:
    """What the record holds."""
    detector = facenet_pytorch.MTCNN(keep_all=True)
    found: dict[str, Any] = {name: network_outputs(kind, network_input(name)) for name, (kind, *_) in INPUTS.items()}
    found["faces"] = {}
    for name, photograph in photographs().items():
        boxes, scores, landmarks = detector.detect(photograph, landmarks=True)
        found["faces"][name] = {"boxes": boxes, "scores": scores, "landmarks": landmarks}
    return found


def plain(value: Any) -> Any:
    """Arrays as lists of numbers, rounded far below any tolerance."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return np.asarray(value, dtype=float).round(6).tolist()


def test_the_record_is_what_facenet_pytorch_gives(largest_difference):
    now, then = plain(everything()), recorded()
    found, kept = now.pop("faces"), then.pop("faces")
    assert now.keys() == then.keys() and found.keys() == kept.keys()
    for name, outputs in now.items():
        for part, values in outputs.items():
            assert largest_difference(f"record, networks, {part}", values, then[name][part]) < 2e-6
    for name, faces in found.items():
        for part, values in faces.items():
            assert largest_difference(f"record, faces, {part}", values, kept[name][part]) < 0.01


def random_input(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("PNet", (2, 3, 12, 12)),
        ("PNet", (2, 3, 13, 14)),
        ("PNet", (2, 3, 47, 30)),
        ("RNet", (5, 3, 24, 24)),
        ("ONet", (5, 3, 48, 48)),
    ],
)
def test_each_network_is_facenet_pytorchs(kind, shape, largest_difference):
    x = random_input(*shape)
    expected = network_outputs(kind, x)
    with torch.inference_mode():
        scores, shifts, *landmarks = with_weights(OURS[kind](), torch.device("cpu"))(x)
    assert largest_difference(f"{kind} {shape}, scores", scores, expected["scores"]) < 1e-5
    assert largest_difference(f"{kind} {shape}, shifts", shifts, expected["shifts"]) < 1e-5
    if kind == "ONet":
        assert largest_difference(f"{kind} {shape}, landmarks", landmarks[0], expected["landmarks"][0]) < 1e-5


@pytest.mark.parametrize("kind", OURS)
def test_the_shipped_weights_are_facenet_pytorchs_to_the_bit(kind):
    ours = [tensor.flatten() for tensor in with_weights(OURS[kind](), torch.device("cpu")).state_dict().values()]
    stored = [tensor.flatten() for tensor in getattr(theirs, kind)().state_dict().values()]
    shared = len(ours) - 2  # their heads are two or three layers, ours is one
    stored = [*stored[:shared], torch.cat(stored[shared::2]), torch.cat(stored[shared + 1 :: 2])]
    assert all(torch.equal(a, b) for a, b in zip(ours, stored, strict=True))


def test_faces_of_photographs_are_facenet_pytorchs(largest_difference):
    detector, other = MTCNN(), facenet_pytorch.MTCNN(keep_all=True)
    for name, photograph in photographs().items():
        boxes, _, landmarks = (np.asarray(part, dtype=float) for part in other.detect(photograph, landmarks=True))
        faces = detector.detect(photograph)
        assert len(faces) == len(boxes)
        for face in faces:
            nearest = int(np.abs(boxes - face.box).sum(axis=1).argmin())
            between_eyes = np.linalg.norm(landmarks[nearest][1] - landmarks[nearest][0])
            # Theirs lie a pixel further right and down.
            ours, moved = face.landmarks / between_eyes, (landmarks[nearest] - 1) / between_eyes
            assert largest_difference(f"{name}, landmarks, between the eyes", ours, moved) < 0.15


if __name__ == "__main__":
    text = json.dumps(plain(everything()), indent=1)
    RECORD.write_text(re.sub(r"\s*\n\s*(?=[-\d\[\]])", " ", text) + "\n", encoding="utf-8")
