"""``count``: everything that a network costs, from one graph of its operations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from torch import nn
from torch.export import ExportedProgram
from torch.fx import Graph, Node

from course_lib.cost.folding import channels, folded_batch_norms, has_bias, is_fixed_batch_norm
from course_lib.cost.graph import elements, module_call, module_name, operation, tensors, trace, writes_into_input
from course_lib.cost.liveness import Memory, liveness
from course_lib.cost.macs import multiply_adds
from course_lib.cost.records import Cost, Layer, Macs
from course_lib.cost.thop import known_to_thop, thop_operations


def count(model: nn.Module, input_size: tuple[int, int], *, in_channels: int = 3) -> Cost:
    """The cost of ``model`` in evaluation on one image (1, in_channels, H, W), in total and per layer.

    Nothing is computed on data and nothing in the model changes, whatever its mode, type and device. The numbers do not
    depend on its type and device either.

    Args:
        model: takes images (N, in_channels, H, W).
        input_size: (H, W) in pixels.
        in_channels: 3 for colour, 1 for grey.

    Raises:
        TypeError: ``model`` is not a module.
        ValueError: the model does not run on such images, or has an operation whose cost is not known.
        RuntimeError: ``torch.export`` cannot follow the model; the message names the line.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is {type(model).__name__}; expected a torch.nn.Module, such as a backbone")
    sides = tuple(input_size) if isinstance(input_size, (tuple, list)) else ()
    if len(sides) != 2 or not all(isinstance(side, int) and side >= 1 for side in (*sides, in_channels)):
        raise ValueError(f"input_size is {input_size!r} and in_channels {in_channels!r}; expected (H, W) and C, from 1")
    layers = _layers(model, trace(model, sides, in_channels))
    return Cost(
        name=type(model).__name__,
        input_shape=(1, in_channels, *sides),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        folded_parameters=sum(layer.folded_parameters for layer in layers),
        buffers=sum(buffer.numel() for buffer in model.buffers() if buffer.is_floating_point()),
        macs=Macs(sum(layer.macs.conv_linear for layer in layers), sum(layer.macs.thop for layer in layers)),
        layers=layers,
    )


def _layers(model: nn.Module, program: ExportedProgram) -> tuple[Layer, ...]:
    graph, signature = program.graph, program.graph_signature
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    parameters = [node for node in inputs if node.name in signature.inputs_to_parameters]
    memory = liveness(graph, [node for node in inputs if node.name not in signature.user_inputs])
    first_used = _first_used(graph, memory, parameters)
    folded = _folded_parameters(graph, first_used)
    thop = _thop(model, first_used)
    return tuple(
        Layer(
            name=module_name(node),
            kind=operation(node) or "input",
            output_shape=next((tuple(tensor.shape) for tensor in tensors(node)), ()),
            parameters=sum(elements(parameter) for parameter in used),
            folded_parameters=folded[node],
            macs=Macs(multiply_adds(node), thop.get(node, 0)),
            activation_elements=memory[node].taken,
            live_elements=memory[node].live,
        )
        for node, used in first_used.items()
    )


def _first_used(graph: Graph, memory: Mapping[Node, Memory], parameters: Collection[Node]) -> dict[Node, set[Node]]:
    """The nodes that are layers, in order, each with the parameters that it is the first to use.

    A layer is the image, and every operation that takes new memory or writes into its input. Parameters may reach it
    through views.
    """
    reached: dict[Node, set[Node]] = {node: {node} for node in parameters}
    first_used: dict[Node, set[Node]] = {}
    known: set[Node] = set()
    for node in graph.nodes:
        used = set().union(*(reached.get(source, ()) for source in node.all_input_nodes))
        if memory[node].taken > 0 or writes_into_input(node):
            first_used[node] = used - known
            known |= used
        elif node not in reached:
            reached[node] = used
    return first_used


def _folded_parameters(graph: Graph, first_used: Mapping[Node, Collection[Node]]) -> dict[Node, int]:
    """The parameters of each layer after batch norm is folded."""
    folds = folded_batch_norms(graph)
    counts = {node: sum(elements(parameter) for parameter in used) for node, used in first_used.items()}
    for node in counts:
        if node in folds:
            counts[node] = 0
            counts[folds[node]] += 0 if has_bias(folds[node]) else channels(node)
        elif is_fixed_batch_norm(node):
            counts[node] = 2 * channels(node)
    return counts


def _thop(model: nn.Module, layers: Iterable[Node]) -> dict[Node, int]:
    """The operations by thop's rule, of each call of a module, at its last operation (a convolution may pad first)."""
    calls = {module_call(node): node for node in layers if node.op == "call_function"}
    modules = {node: model.get_submodule(module_name(node)) for node in calls.values()}
    return {
        node: thop_operations(module, tensors(node.args[0])[0], tensors(node)[0])
        for node, module in modules.items()
        if known_to_thop(module)
    }
