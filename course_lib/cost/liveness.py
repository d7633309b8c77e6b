"""Which activations must be in memory together: a pass over the graph in the order PyTorch runs it.

A tensor lives from the operation that makes it to the last one that uses it. Views, and operations that write into
their input, share the memory of what they view. The image and the outputs count, weights do not; neither does working
memory inside an operation. Operations are not fused, so batch norm and activations hold their input and their output.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from torch import Tensor
from torch.fx import Graph, Node

from course_lib.cost.graph import tensors


class Memory(NamedTuple):
    """Elements of activations at one operation: the new ones it takes, and all that live while it runs."""

    taken: int
    live: int


@dataclass
class Lifetime:
    """What one value takes, in elements or bytes, and the positions at which it is made and used last."""

    size: int
    first: int
    last: int


def liveness(graph: Graph, weights: Collection[Node]) -> dict[Node, Memory]:
    """The memory of activations at each node; what ``weights`` hold is none."""
    nodes = list(graph.nodes)
    lifetimes = _lifetimes(nodes, {_memory(tensor) for node in weights for tensor in tensors(node)})
    taken = [0] * len(nodes)
    for life in lifetimes:
        taken[life.first] += life.size
    return {node: Memory(*both) for node, *both in zip(nodes, taken, live(lifetimes, len(nodes)), strict=True)}


def live(lifetimes: Iterable[Lifetime], steps: int) -> list[int]:
    """What lives at each of so many steps, in all."""
    change = [0] * (steps + 1)
    for life in lifetimes:
        change[life.first] += life.size
        change[life.last + 1] -= life.size
    return list(accumulate(change[:steps]))


def _lifetimes(nodes: Sequence[Node], weights: Collection[int]) -> Collection[Lifetime]:
    lifetimes: dict[int, Lifetime] = {}
    for position, node in enumerate(nodes):
        used = [tensor for source in node.all_input_nodes for tensor in tensors(source)]
        for tensor in used + tensors(node):
            if _memory(tensor) not in weights:
                size = tensor.untyped_storage().nbytes() // tensor.element_size()
                lifetimes.setdefault(_memory(tensor), Lifetime(size, position, position)).last = position
    return lifetimes.values()


def _memory(tensor: Tensor) -> int:
    """Names the memory that a traced tensor lies in: views of one another have the same."""
    return tensor.untyped_storage()._cdata
