"""MTCNN's three networks as ONNX files, for the browser page: photographs of any size, any number of crops."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.alignment.mtcnn_networks import ONet, PNet, RNet, with_weights
from course_lib.export.onnx_file import write_traced

OUTPUTS = ("scores", "shifts", "landmarks")
ANY = torch.export.Dim.DYNAMIC
# Each network with the shape of an example, and which of its axes may have any length.
NETWORKS = {
    "pnet": (PNet, (1, 3, 50, 61), {2: ANY, 3: ANY}),
    "rnet": (RNet, (2, 3, 24, 24), {0: ANY}),
    "onet": (ONet, (2, 3, 48, 48), {0: ANY}),
}


class Judgement(nn.Module):
    """A network without the outputs that it leaves empty: only the third one finds landmarks."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(output for output in self.network(images) if 0 not in output.shape[1:])


def write_networks(folder: Path) -> list[Path]:
    """Write ``pnet.onnx``, ``rnet.onnx`` and ``onet.onnx``: input ``images``, outputs ``OUTPUTS``, float32.

    Raises:
        ModuleNotFoundError: the package with the weights, or one that writes ONNX files, is missing.
    """
    return [write_network(name, folder / f"{name}.onnx") for name in NETWORKS]


def write_network(name: str, path: Path) -> Path:
    """Write one of ``NETWORKS``, whole or not at all."""
    make, shape, any_length = NETWORKS[name]
    judgement = Judgement(with_weights(make(), torch.device("cpu"))).eval()
    example = torch.zeros(shape)
    return write_traced(judgement, example, path, outputs=OUTPUTS[: len(judgement(example))], axes=any_length)
