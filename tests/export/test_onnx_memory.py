"""The activation memory of an ONNX file, against cases worked by hand and against the count in PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from course_lib import cost
from course_lib.export import Runtime
from course_lib.export.runtimes.onnx_memory import _lifetimes


def residual(path: Path, channels: int) -> Path:
    """image (1, 4, 4) -> a (channels, 4, 4) -> b = sin(a) -> c = a * b -> its mean."""
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["a"]),
        helper.make_node("Sin", ["a"], ["b"]),
        helper.make_node("Mul", ["a", "b"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["out"]),
    ]
    taken = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 4, 4])
    given = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, channels])
    kernel = numpy_helper.from_array(np.ones((channels, 1, 1, 1), np.float32), "kernel")
    graph = helper.make_graph(nodes, "residual", [taken], [given], [kernel])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.parametrize("channels", [4, 8, 12])
def test_a_case_worked_by_hand(tmp_path, channels):
    """At the product a, b and c live: 3 x channels x 4 x 4 numbers of 4 bytes. The image is gone by then."""
    assert Runtime(residual(tmp_path / "r.onnx", channels)).peak_activation_bytes() == 3 * channels * 4 * 4 * 4


def lives(nodes: list[onnx.NodeProto], outputs: list[str], sizes: dict[str, int]) -> list[tuple[int, int, int]]:
    """(bytes, made, used last) of each activation of a graph that takes ``x``."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", *outputs)]
    graph = helper.make_graph(nodes, "made", values[:1], values[1:])
    return [(life.size, life.first, life.last) for life in _lifetimes(helper.make_model(graph), sizes)]


def test_a_value_lives_until_it_is_used_last_and_an_output_until_the_end():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Sin", ["a"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Neg", ["c"], ["d"]),
    ]
    sizes = {"x": 1, "a": 2, "b": 3, "c": 4, "d": 5}
    assert lives(nodes, ["d"], sizes) == [(1, 0, 0), (2, 0, 2), (3, 1, 2), (4, 2, 3), (5, 3, 3)]
    assert lives(nodes, ["b", "d"], sizes)[2] == (3, 1, 3)


@pytest.mark.parametrize("view", ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"])
def test_a_view_takes_no_memory_and_keeps_what_it_looks_at(view):
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node(view, ["a", "shape"], ["seen"]),
        helper.make_node("Neg", ["x"], ["b"]),
        helper.make_node("Add", ["seen", "b"], ["c"]),
    ]
    sizes = {"x": 1, "a": 2, "seen": 2, "b": 3, "c": 4}
    assert lives(nodes, ["c"], sizes) == [(1, 0, 2), (2, 0, 3), (3, 2, 3), (4, 3, 3)]


def test_what_is_made_of_weights_alone_is_a_weight_and_a_missing_output_is_nothing():
    nodes = [
        helper.make_node("Neg", ["weight"], ["turned"]),
        helper.make_node("Add", ["turned", "x"], ["a"]),
        helper.make_node("Dropout", ["a"], ["b", ""]),
        helper.make_node("TopK", ["b", "k"], ["c", "d"]),
    ]
    sizes = {"x": 1, "turned": 100, "a": 2, "b": 3, "c": 4, "d": 5}
    assert lives(nodes, ["c"], sizes) == [(1, 0, 1), (2, 1, 2), (3, 2, 3), (4, 3, 3), (5, 3, 3)]


@pytest.mark.slow
def test_fusing_makes_it_less_than_pytorch_needs_and_8_bits_a_quarter(network, fp32, int8):
    in_pytorch = Runtime.of(network, "small").peak_activation_bytes()
    assert in_pytorch == cost.count(network, (48, 48)).peak_fp32_bytes
    fused, rounded = (Runtime(file).peak_activation_bytes() for file in (fp32, int8))
    # The widest place: a block's input and its expansion, of stride 2, live together.
    assert fused < in_pytorch and rounded == pytest.approx(fused / 4, rel=0.01)
