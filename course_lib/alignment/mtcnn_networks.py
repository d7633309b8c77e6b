"""MTCNN's three networks (Zhang et al. 2016, figure 2) and their authors' weights.

Their input is RGB pixels x as (x - 127.5) / 128. A shift is how far a side of the box should move, in widths or heights
of the box.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from course_lib.alignment.detector import LANDMARKS

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "mtcnn.safetensors"


class PNet(nn.Module):
    """The proposal network, 6,632 parameters: (N, 3, H, W) -> score (N, h, w) and shifts (N, h, w, 4) of each window.

    It has convolutions only, so one pass judges every window of 12x12 pixels, at steps of 2.
    """

    name = "pnet"

    def __init__(self) -> None:
        super().__init__()
        self.features = _convolutions((10, 3, 2), (16, 3, 0), (32, 3, 0))
        self.heads = nn.Conv2d(32, 2 + 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.heads(self.features(x)).permute(0, 2, 3, 1)
        return x[..., :2].softmax(dim=-1)[..., 1], x[..., 2:]


class CropNet(nn.Module):
    """Judges square crops: (N, 3, side, side) -> score (N,), shifts (N, 4), landmarks (N, L, 2) in units of the side.

    Attributes:
        name: before those of its weights, in the file of all three.
        side: of a crop, in pixels.
        portion: so many crops at a time are quickest on a processor, whose cache holds what lies between the layers.
    """

    name: str
    side: int
    portion: int

    def __init__(self, features: nn.Module, flat: int, width: int, landmarks: int) -> None:
        super().__init__()
        self.features = features
        self.dense = nn.Sequential(nn.Linear(flat, width), nn.PReLU(width))
        self.heads = nn.Linear(width, 2 + 4 + 2 * landmarks)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.features(x).permute(0, 3, 2, 1)  # the weights were learned with columns before rows before channels
        x = self.heads(self.dense(x.flatten(1)))
        landmarks = x[:, 6:].unflatten(1, (2, -1)).transpose(1, 2)  # all x, then all y
        return x[:, :2].softmax(dim=1)[:, 1], x[:, 2:6], landmarks


class RNet(CropNet):
    """The refinement network, 100,178 parameters: see ``CropNet``."""

    name, side, portion = "rnet", 24, 128

    def __init__(self) -> None:
        super().__init__(_convolutions((28, 3, 3), (48, 3, 3), (64, 2, 0)), flat=576, width=128, landmarks=0)


class ONet(CropNet):
    """The output network, 389,040 parameters: see ``CropNet``."""

    name, side, portion = "onet", 48, 32

    def __init__(self) -> None:
        features = _convolutions((32, 3, 3), (64, 3, 3), (64, 3, 2), (128, 2, 0))
        super().__init__(features, flat=1152, width=256, landmarks=len(LANDMARKS))


def with_weights(network: PNet | RNet | ONet, device: torch.device) -> nn.Module:
    """The network with its authors' weights, which the course ships.

    Raises:
        FileNotFoundError: the file is missing.
        RuntimeError: it holds other networks; the message names the tensors.

    Source: facenet-pytorch 2.5.3 (MIT), whose wheel ``data_scripts/convert_mtcnn.py`` reads.
    """
    if not WEIGHTS.is_file():
        raise FileNotFoundError(f"{WEIGHTS} is missing, MTCNN's weights: install the course anew")
    with safe_open(WEIGHTS, framework="pt") as stored:
        prefix = f"{network.name}."
        tensors = {key.removeprefix(prefix): stored.get_tensor(key) for key in stored.keys() if key.startswith(prefix)}
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)


def _convolutions(*steps: tuple[int, int, int]) -> nn.Sequential:
    """Convolution, PReLU and pooling for each step (output channels, kernel, pooling window; 0 for no pooling)."""
    layers: list[nn.Module] = []
    channels = 3
    for output, kernel, window in steps:
        layers += [nn.Conv2d(channels, output, kernel), nn.PReLU(output)]
        if window:
            layers.append(nn.MaxPool2d(window, stride=2, ceil_mode=True))
        channels = output
    return nn.Sequential(*layers)
