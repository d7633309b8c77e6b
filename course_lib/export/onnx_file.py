"""A network as one ONNX file: batch norm folded away, any batch size, nothing in it but the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from course_lib.export.network_input import takes
from course_lib.export.packages import quietly
from course_lib.paths import expanded, written_whole
from course_lib.training.inference import folded

if TYPE_CHECKING:
    from onnx import ModelProto

INPUT, OUTPUT, BATCH = "images", "embeddings", "batch"


def to_onnx(model: nn.Module, path: Path | str) -> Path:
    """Write ``model``: input ``images`` (batch, C, H, W) float32, output ``embeddings`` (batch, D) float32.

    Args:
        model: a backbone in evaluation mode, with the attributes ``in_channels`` and ``input_size``.
        path: of the file, written whole or not at all.

    Raises:
        ValueError: the model is in training mode, whose batch norms depend on the batch, or lacks such an attribute.
        ModuleNotFoundError: onnx or onnxscript is not installed; the message says how to install it.
    """
    # The example's own batch size must be neither 0 nor 1, which the exporter takes for constants.
    example = torch.zeros(2, *takes(model))
    return write_traced(folded(model).cpu(), example, path, outputs=[OUTPUT], axes={0: torch.export.Dim(BATCH)})


def write_traced(
    module: nn.Module, example: torch.Tensor, path: Path | str, *, outputs: Sequence[str], axes: Mapping[int, Any]
) -> Path:
    """Write what ``module`` does with ``example``, checked and stripped: input ``images``, outputs by their names.

    Args:
        example: as the input will be, but for ``axes``.
        axes: of the input that may have another length, as ``torch.export`` takes them.

    Raises:
        ModuleNotFoundError: onnx or onnxscript is not installed.
    """
    onnx = import_onnx()
    with quietly():
        program = torch.onnx.export(
            module,
            (example,),
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_shapes=(axes,),
            dynamo=True,
            verbose=False,
        )
    proto = program.model_proto
    strip(proto)
    onnx.checker.check_model(proto, full_check=True)
    return write_whole(proto.SerializeToString(), path)


def strip(proto: ModelProto) -> None:
    """Take out what no runtime reads: where in the source each node came from, and shapes that follow from the rest."""
    del proto.metadata_props[:]
    del proto.functions[:]
    graph = proto.graph
    del graph.value_info[:]
    graph.doc_string = proto.doc_string = ""
    for part in [*graph.node, *graph.initializer, *graph.input, *graph.output, graph]:
        part.doc_string = ""
        del part.metadata_props[:]


def write_whole(content: bytes, path: Path | str) -> Path:
    """Write the file so that it is there complete or not at all."""
    path = expanded(path)
    with written_whole(path) as unfinished:
        unfinished.write_bytes(content)
    return path


def import_onnx() -> ModuleType:
    """The packages that write ONNX files; they are not needed to run one."""
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed, and ONNX files are written with it; pip install {error.name}"
        ) from error
    return onnx
