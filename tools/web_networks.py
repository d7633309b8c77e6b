"""MTCNN's three networks as ONNX files, for the browser page: photographs of any size, any number of crops."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.alignment.mtcnn_networks import ONet, PNet, RNet, with_weights
from course_lib.export.onnx_file import import_onnx, strip, write_whole

INPUT = "images"
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
    onnx = import_onnx()
    make, shape, any_length = NETWORKS[name]
    judgement = Judgement(with_weights(make(), torch.device("cpu"))).eval()
    example = torch.zeros(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about itself
        program = torch.onnx.export(
            judgement,
            (example,),
            input_names=[INPUT],
            output_names=OUTPUTS[: len(judgement(example))],
            dynamic_shapes=(any_length,),
            dynamo=True,
            verbose=False,
        )
    proto = program.model_proto
    strip(proto)
    onnx.checker.check_model(proto, full_check=True)
    return write_whole(proto, path)
