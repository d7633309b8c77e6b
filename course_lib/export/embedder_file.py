"""Whether an ONNX file is a face embedder that can be quantised: one that ``to_onnx`` wrote, or one like it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.export.onnx_file import INPUT, import_onnx

if TYPE_CHECKING:
    from onnx import GraphProto

WRITE_IT = "write it with export.to_onnx"


def taken_by(path: Path) -> list[int]:
    """(C, H, W) of the faces that the file takes.

    Raises:
        ValueError: the file is damaged, does not take ``images``, gives something else than one embedding a face, is
            quantised already, or has a batch norm that follows a convolution.
        ModuleNotFoundError: onnx is not installed.
    """
    onnx = import_onnx()
    try:
        graph = onnx.load(path).graph
        onnx.checker.check_model(path)
    except Exception as error:  # protobuf's own errors have no common base
        raise ValueError(f"{path} is no ONNX file ({error}); {WRITE_IT}") from error
    if [value.name for value in graph.input] != [INPUT]:
        raise ValueError(f"{path} takes {[i.name for i in graph.input]}; expected one input, {INPUT!r}; {WRITE_IT}")
    given = {value.name: len(value.type.tensor_type.shape.dim) for value in graph.output}
    if list(given.values()) != [2]:
        raise ValueError(f"{path} is no embedder: it gives {given} (name: axes); expected one output of (batch, D)")
    kinds = Counter(node.op_type for node in graph.node)
    if kinds["QuantizeLinear"]:
        raise ValueError(f"{path} is quantised already; give the file in 32 bits that it was made of")
    unfolded = _unfolded(graph)
    if unfolded:
        raise ValueError(
            f"{path} has {unfolded} batch norms right after a convolution, whose weights must be quantised folded; "
            f"{WRITE_IT}, which folds them"
        )
    return [side.dim_value for side in graph.input[0].type.tensor_type.shape.dim[1:]]


def _unfolded(graph: GraphProto) -> int:
    """Batch norms that take what a convolution gives."""
    convolved = {name for node in graph.node if node.op_type == "Conv" for name in node.output}
    return sum(node.op_type == "BatchNormalization" and node.input[0] in convolved for node in graph.node)
