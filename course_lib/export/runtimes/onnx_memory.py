"""The activation memory of an ONNX file: of the graph that ONNX Runtime really runs, fused and in 8 bits or 32."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from course_lib.cost.liveness import Lifetime, live

if TYPE_CHECKING:
    from onnx import ModelProto

# Nodes whose output is a look at their input's memory.
VIEWS = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"}


def peak_activation_bytes(path: Path, shape: tuple[int, ...]) -> int:
    """The most bytes of activations that live at once, the image and the embedding included, weights not.

    ONNX Runtime first writes down the graph as it will run it, fused for this processor, all but the last step, which
    pads channels for wide registers. Every value in it is then computed once, for its true type and size. A value
    lives from the node that makes it to the last one that takes it; working memory inside a node is not seen.

    Args:
        path: of an ONNX file.
        shape: of the input, its batch included.
    """
    import onnx
    import onnxruntime

    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(Path(folder) / "as_run.onnx")
        options.log_severity_level = 3  # its warning that such a file is for this processor only
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        model = onnx.load(options.optimized_model_filepath)
    return max(live(_lifetimes(model, _sizes(model, shape)), len(model.graph.node)))


def _sizes(model: ModelProto, shape: tuple[int, ...]) -> dict[str, int]:
    """Bytes of every value that the graph computes, and of its input."""
    import onnx
    import onnxruntime

    (taken,) = model.graph.input
    names = [name for node in model.graph.node for name in node.output if name]
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    del opened.graph.output[:]
    opened.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(opened.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = np.zeros(shape, np.float32)
    values = session.run(names, {taken.name: image})
    return {taken.name: image.nbytes, **{name: value.nbytes for name, value in zip(names, values, strict=True)}}


def _lifetimes(model: ModelProto, sizes: dict[str, int]) -> list[Lifetime]:
    """When each activation is made and used last; a view lengthens the life of what it looks at.

    What is made of weights alone is a weight.
    """
    graph = model.graph
    (taken,) = graph.input
    alive = {taken.name: Lifetime(sizes[taken.name], 0, 0)}
    for position, node in enumerate(graph.node):
        used = [alive[name] for name in node.input if name in alive]
        for life in used:
            life.last = position
        for name in filter(None, node.output if used else ()):
            alive[name] = used[0] if node.op_type in VIEWS else Lifetime(sizes[name], position, position)
    for output in graph.output:
        alive[output.name].last = len(graph.node) - 1
    return list({id(life): life for life in alive.values()}.values())
