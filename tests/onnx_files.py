"""ONNX files made by hand, in no time."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def mean_colour(
    path: Path, size: list[int], *, batch: int | str = "N", kind: int = TensorProto.FLOAT, outputs: int = 1
) -> Path:
    """An embedder that gives the mean colour."""
    taken = helper.make_tensor_value_info("pixels", kind, [batch, *size])
    given = [helper.make_tensor_value_info("out", kind, None), helper.make_tensor_value_info("pooled", kind, None)]
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["out"]),
    ]
    graph = helper.make_graph(nodes, "mean", [taken], given[:outputs])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def _saved(path: Path, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]) -> Path:
    taken = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, 8, 8])
    given = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, path.stem, [taken], [given], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def endless(path: Path) -> Path:
    """An embedder that adds up nothing, 2^62 times."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["goes"]), helper.make_node("Relu", ["in"], ["next"])],
        "body",
        [info("i", TensorProto.INT64, []), info("go", TensorProto.BOOL, []), info("in", TensorProto.FLOAT, None)],
        [info("goes", TensorProto.BOOL, []), info("next", TensorProto.FLOAT, None)],
    )
    nodes = [
        helper.make_node("Flatten", ["pixels"], ["row"]),
        helper.make_node("Loop", ["times", "", "row"], ["out"], body=body),
    ]
    return _saved(path, nodes, [helper.make_tensor("times", TensorProto.INT64, [], [2**62])])


def greedy(path: Path, n_bytes: int) -> Path:
    """An embedder that makes so many bytes first, for each batch."""
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["one"], keepdims=0),
        helper.make_node("Expand", ["one", "many"], ["wide"]),
        helper.make_node("Sigmoid", ["wide"], ["wider"]),
        helper.make_node("ReduceMax", ["wider"], ["top"], keepdims=0),
        helper.make_node("Flatten", ["pixels"], ["row"]),
        helper.make_node("Add", ["row", "top"], ["out"]),
    ]
    return _saved(path, nodes, [helper.make_tensor("many", TensorProto.INT64, [1], [n_bytes // 4])])


def greedy_at_once(path: Path, n_bytes: int) -> Path:
    """The same of weights alone, which ONNX Runtime may make when it opens the file."""
    nodes = [
        helper.make_node("ConstantOfShape", ["many"], ["wide"]),
        helper.make_node("ReduceMax", ["wide"], ["top"], keepdims=0),
        helper.make_node("Flatten", ["pixels"], ["row"]),
        helper.make_node("Add", ["row", "top"], ["out"]),
    ]
    return _saved(path, nodes, [helper.make_tensor("many", TensorProto.INT64, [1], [n_bytes // 4])])


def failing(path: Path) -> Path:
    """An embedder with a node that fails: it puts the pixels into a shape that they do not fill."""
    return _saved(
        path,
        [helper.make_node("Reshape", ["pixels", "shape"], ["out"])],
        [helper.make_tensor("shape", TensorProto.INT64, [2], [7, 11])],
    )
