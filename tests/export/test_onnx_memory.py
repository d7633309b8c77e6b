"""The activation memory of an ONNX file, against cases worked by hand and against the count in PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from course_lib import backbones, cost, export, weights
from course_lib.export import Runtime

NAME = "mobilefacenet_075_relu"


def residual(path: Path) -> Path:
    """image (1, 4, 4) -> a (8, 4, 4) -> b = sigmoid(a) -> c = a * b -> its mean; a scale of c is made of weights."""
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["a"]),
        helper.make_node("Sin", ["a"], ["b"]),
        helper.make_node("Mul", ["a", "b"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["out"]),
    ]
    taken = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 4, 4])
    given = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 8])
    kernel = numpy_helper.from_array(np.ones((8, 1, 1, 1), np.float32), "kernel")
    graph = helper.make_graph(nodes, "residual", [taken], [given], [kernel])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def test_a_case_worked_by_hand(tmp_path):
    """At the product a, b and c live: 3 x 8 x 4 x 4 numbers of 4 bytes. The image is gone by then."""
    assert Runtime(residual(tmp_path / "r.onnx")).peak_activation_bytes() == 3 * 8 * 4 * 4 * 4


def test_fusing_makes_it_less_than_pytorch_needs_and_8_bits_a_quarter(tmp_path):
    network = weights.load(NAME)
    in_pytorch = Runtime.of(network, NAME).peak_activation_bytes()
    assert in_pytorch == cost.count(network, (112, 112)).peak_fp32_bytes
    fused = Runtime(export.to_onnx(network, tmp_path / "fp32.onnx")).peak_activation_bytes()
    int8 = Runtime(weights.int8_file(NAME)).peak_activation_bytes()
    # The widest place: a block's input and its expansion, of stride 2, live together.
    assert fused < in_pytorch and int8 == pytest.approx(fused / 4, rel=0.01)


def test_a_narrow_network_needs_less(tmp_path):
    peaks = []
    for width in (0.25, 0.5):
        network = backbones.create("mobilefacenet_relu", width=width, input_size=32).eval()
        peaks.append(Runtime(export.to_onnx(network, tmp_path / f"{width}.onnx")).peak_activation_bytes())
    assert 1.5 * peaks[0] < peaks[1]
