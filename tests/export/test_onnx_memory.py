"""The activation memory of an ONNX file, against cases worked by hand and against the count in PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from course_lib import cost
from course_lib.export import Runtime


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


@pytest.mark.slow
def test_fusing_makes_it_less_than_pytorch_needs_and_8_bits_a_quarter(network, fp32, int8):
    in_pytorch = Runtime.of(network, "small").peak_activation_bytes()
    assert in_pytorch == cost.count(network, (48, 48)).peak_fp32_bytes
    fused, rounded = (Runtime(file).peak_activation_bytes() for file in (fp32, int8))
    # The widest place: a block's input and its expansion, of stride 2, live together.
    assert fused < in_pytorch and rounded == pytest.approx(fused / 4, rel=0.01)
