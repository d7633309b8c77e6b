from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from course_lib import backbones, export
from course_lib.export.onnx_file import strip


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_embeddings_are_pytorchs_at_any_batch_size(network, fp32, batch):
    images = torch.randn(batch, 3, 48, 48, generator=torch.Generator().manual_seed(batch))
    found = onnxruntime.InferenceSession(fp32).run(["embeddings"], {"images": images.numpy()})[0]
    with torch.no_grad():
        expected = network(images).numpy()
    assert found.shape == (batch, 24) and np.abs(found - expected).max() < 1e-5


@pytest.mark.slow
def test_there_is_nothing_in_it_but_the_network(fp32):
    proto = onnx.load(fp32)
    assert not any(node.op_type == "BatchNormalization" for node in proto.graph.node)
    assert not proto.graph.value_info and not proto.metadata_props and not proto.functions
    assert not any(node.metadata_props or node.doc_string for node in proto.graph.node)
    assert [part.name for part in (*proto.graph.input, *proto.graph.output)] == ["images", "embeddings"]
    text = fp32.read_bytes()
    assert b"course_lib" not in text and str(Path.home()).encode() not in text
    assert [other.name for other in fp32.parent.iterdir()] == [fp32.name]


def test_what_no_runtime_reads_is_taken_out():
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in ("a", "b", "c")]
    nodes = [helper.make_node("Add", ["a", "weight"], ["b"]), helper.make_node("Relu", ["b"], ["c"])]
    weight = numpy_helper.from_array(np.ones(2, np.float32), "weight")
    graph = helper.make_graph(nodes, "made", values[:1], values[2:], [weight], value_info=values[1:2])
    function = helper.make_function("mine", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])], [])
    proto = helper.make_model(graph, functions=[function])
    graph = proto.graph
    for part in (proto, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = "where it was written"
        part.metadata_props.add(key="pkg.torch", value="where it was written")
    strip(proto)
    assert b"where" not in proto.SerializeToString() and b"pkg" not in proto.SerializeToString()
    assert not proto.functions and not graph.value_info
    assert [node.op_type for node in graph.node] == ["Add", "Relu"] and len(graph.initializer) == 1


@pytest.mark.slow
def test_folding_changes_no_embedding_and_leaves_the_model_alone(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    small = export.folded(network)
    images = torch.randn(3, 3, 48, 48, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        assert torch.allclose(small(images), network(images), atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in small.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.slow
def test_what_cannot_be_exported_is_refused(network, tmp_path, monkeypatch):
    training = backbones.create("mobilefacenet_relu", width=0.25, input_size=32)
    with pytest.raises(ValueError, match=r"in training mode; call model\.eval\(\) first"):
        export.to_onnx(training, tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ModuleNotFoundError, match="onnxscript is not installed.*pip install onnxscript"):
        export.to_onnx(network, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
