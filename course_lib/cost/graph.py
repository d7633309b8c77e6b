"""The network as a graph of operations: ``torch.export`` in evaluation mode, and the model left as it was."""

from __future__ import annotations

import operator
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import Node
from torch.utils._pytree import tree_leaves

TORCH_FOLDER = Path(torch.__file__).parent


def trace(model: nn.Module, input_size: tuple[int, int], in_channels: int) -> ExportedProgram:
    """The operations that ``model`` runs on one image, as PyTorch runs them: not fused, not decomposed.

    No arithmetic is done, and the model may be on any device, ``meta`` included.

    Raises:
        ValueError: the model does not run on such images, or a shape in it depends on their values.
        RuntimeError: the model runs, but ``torch.export`` cannot follow it.
    """
    like = next(filter(torch.is_floating_point, chain(model.parameters(), model.buffers())), torch.empty(0))
    images = torch.zeros(1, in_channels, *input_size, dtype=like.dtype, device=like.device)
    try:
        with evaluation(model), torch.no_grad():
            program = torch.export.export(model, (images,), strict=False)
    except Exception as error:
        raise _explain(model, images, error) from error
    for node in program.graph.nodes:
        _check_operation(node)
    return program


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; every module gets its own flag back."""
    flags = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, flag in flags.items():
            module.training = flag


def tensors(node: Node) -> list[Tensor]:
    """The tensors that a node gives, without their data; an operation may give several or none."""
    return [value for value in tree_leaves(node.meta.get("val")) if isinstance(value, Tensor)]


def elements(node: Node) -> int:
    """The elements of a node that gives one tensor."""
    return node.meta["val"].numel()


def operation(node: Node) -> str:
    """The name of a node's operation, such as ``conv2d``; "" for what is none."""
    return node.target._schema.name.split("::")[-1] if is_operation(node) else ""


def is_operation(node: Node) -> bool:
    """Whether a node is an operation of PyTorch or of another library, not an input, an output or a pick of a tuple."""
    return isinstance(node.target, torch._ops.OpOverload)


def writes_into_input(node: Node) -> bool:
    """Whether a node is an operation in place, such as ``relu_``."""
    return is_operation(node) and node.target._schema.is_mutable


def module_name(node: Node) -> str:
    """The name of the innermost module that runs a node; "" for the network itself."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return stack[-1][0] if stack else ""


def module_call(node: Node) -> str:
    """Names one call of the innermost module that runs a node; a module may be called several times."""
    return list(node.meta["nn_module_stack"])[-1]


def is_composite(node: Node) -> bool:
    """Whether an operation, such as ``linear`` or ``einsum``, is made of others for every device."""
    return node.target.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd)


def _check_operation(node: Node) -> None:
    if node.op != "call_function" or node.target is operator.getitem:
        return
    if not is_operation(node):
        raise ValueError(f"operation {node.target} cannot be counted: it holds other operations, or depends on values")
    if node.target.namespace != "aten" and not is_composite(node):
        raise ValueError(f"operation {node.target} cannot be counted: it is not PyTorch's own, and hides what it does")
    if any(not isinstance(side, int) for tensor in tensors(node) for side in tensor.shape):
        raise ValueError(f"operation {node.target} cannot be counted: the shape of its output depends on values")


def _explain(model: nn.Module, images: Tensor, error: Exception) -> Exception:
    """The error to raise: either the model itself refuses the images, or the export fails at some line of it."""
    name = type(model).__name__
    try:
        with evaluation(model), torch.no_grad():
            model(images)
    except Exception as own:
        return ValueError(f"{name} does not run on images of shape {tuple(images.shape)}: {own}")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name == "forward"]
    own_frames = [frame for frame in frames if TORCH_FOLDER not in Path(frame.filename).parents]
    where = "".join(f" at {Path(f.filename).name}, line {f.lineno}, {f.line!r}" for f in own_frames[-1:])
    return RuntimeError(f"torch.export cannot follow {name}{where}: {error}")
