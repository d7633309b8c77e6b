"""What facenet-pytorch 2.5.3 makes of some photographs, as `make parity` compares it and `make test` reads it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch
from collages import placed

from course_lib.data import synthetic_faces

RECORD = Path(__file__).with_name("recorded_mtcnn.json")
# Name, rows and columns of each input of a network, and how many. 12 is one window of the first network; odd and even
# sizes differ in the last, partial, pooling window.
INPUTS = {
    "pnet 12x12": ("PNet", 12, 12, 2),
    "pnet 13x14": ("PNet", 13, 14, 2),
    "pnet 47x30": ("PNet", 47, 30, 1),
    "rnet": ("RNet", 24, 24, 5),
    "onet": ("ONet", 48, 48, 5),
}


def recorded() -> dict[str, Any]:
    """The outputs of the networks by the names of ``INPUTS``, and ``faces`` by those of ``photographs``."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def photographs() -> dict[str, np.ndarray]:
    """RGB: a portrait, twelve faces of ORL, and four drawn ones."""
    found = {"astronaut": skimage.data.astronaut()}
    for person in (0, 12, 30):
        collage = placed((person, person + 1, person + 2, person + 3))[0]
        found[f"ORL from {person}"] = np.repeat(collage[..., None], 3, axis=2)
    drawn = synthetic_faces(4, 1, 0, size=112).images.images.expand(-1, 3, -1, -1)
    found["drawn"] = drawn.permute(2, 0, 3, 1).reshape(112, 448, 3).numpy()
    return found


def network_input(name: str) -> torch.Tensor:
    """Crops of the portrait at several places and scales, as the networks expect them: (N, 3, rows, columns)."""
    _, rows, columns, count = INPUTS[name]
    portrait = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1)
    crops = []
    for number in range(count):
        step, top, left = 1 + number, 60 - 10 * number, 190 - 15 * number
        crops.append(portrait[:, top : top + step * rows : step, left : left + step * columns : step])
    return (torch.stack(crops) - 127.5) / 128
