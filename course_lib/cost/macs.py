"""Multiply-adds of one operation: convolutions and matrix products, however they are written.

``linear``, ``matmul``, ``einsum``, attention and recurrent layers are made of the few products listed here: they are
taken apart on tensors without data. Multiplying element by element and summing is not a product by this rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from course_lib.cost.graph import is_composite, is_operation


def _convolution(
    out: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: object,
    stride: object,
    padding: object,
    dilation: object,
    *rest: object,
) -> int:
    transposed = rest[0]  # then each input, not each output, meets one filter: weight (in, out / groups, *kernel)
    return (x if transposed else out).numel() * math.prod(weight.shape[1:])


def _product(out: Tensor, a: Tensor, b: Tensor) -> int:
    return out.numel() * a.shape[-1]


def _added_product(out: Tensor, addend: Tensor, a: Tensor, b: Tensor) -> int:
    return out.numel() * a.shape[-1]


_PRODUCTS: dict[str, Callable[..., int]] = {
    "aten::convolution": _convolution,
    "aten::mm": _product,
    "aten::bmm": _product,
    "aten::mv": _product,
    "aten::dot": _product,
    "aten::addmm": _added_product,
    "aten::addmv": _added_product,
    "aten::baddbmm": _added_product,
}


class _ProductCounter(TorchDispatchMode):
    """Adds up the multiply-adds of all products that run below it."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        formula = _PRODUCTS.get(func._schema.name.rstrip("_"))
        if formula is not None:
            self.total += formula(out, *args)
        return out


def multiply_adds(node: Node) -> int:
    """The multiply-adds of a node of a traced graph."""
    if not is_operation(node) or not (node.target._schema.name.rstrip("_") in _PRODUCTS or is_composite(node)):
        return 0
    args, kwargs = map_arg((node.args, node.kwargs), lambda argument: argument.meta["val"])
    args, kwargs = tree_map_only(Tensor, _without_data, (args, kwargs))
    with torch.no_grad(), _ProductCounter() as counter:
        node.target(*args, **kwargs)
    return counter.total


def _without_data(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
