"""The inside of a block as boxes and what flows between them, read off the operations that it really runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.fx import Node

from course_lib.cost.graph import evaluation, is_operation, operation, tensors
from course_lib.cost.macs import multiply_adds
from course_lib.viz import diagram_words as words

SIGNS = {"add": "+", "add_": "+", "mul": "×", "mul_": "×"}
# What only moves numbers, or changes none of them.
SILENT = set(
    "view reshape flatten unflatten permute transpose unsqueeze squeeze slice select unbind contiguous clone alias "
    "expand pad to _to_copy detach numpy_T mT matrix_H dropout".split()
)
NAMED = {
    "cat": "concatenation",
    "scaled_dot_product_attention": "scaled dot-product attention",
    "avg_pool2d": "average pooling",
    "max_pool2d": "max pooling",
    "adaptive_avg_pool2d": "global average pooling",
    "relu": "ReLU",
    "relu_": "ReLU",
    "relu6": "ReLU6",
    "gelu": "GELU",
    "sigmoid": "sigmoid",
}
ACTIVATIONS = {"relu", "relu_", "relu6", "gelu", "sigmoid"}


@dataclass(eq=False)
class Part:
    """A layer, or an operation of the block itself.

    Attributes:
        name: in the field's words; ``"+"`` and ``"×"`` for sums and products of two inputs.
        sources: the parts whose outputs it takes.
        colour: by kind of layer.
        stride: of a layer.
        notes: what follows at once, such as batch norm and the activation.
        shape: of its output, without the batch.
        parameters: its own and those of what follows at once.
        is_layer: whether batch norm or an activation behind it is drawn with it.
    """

    name: str
    sources: list[Part]
    colour: str
    stride: int = 1
    notes: list[str] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    parameters: int = 0
    is_layer: bool = False

    def __repr__(self) -> str:
        return f"Part({', '.join([self.name, *self.said])}, to {words.size(self.shape)})"

    @property
    def said(self) -> list[str]:
        """What is worth saying beside the name: a stride, and what follows at once."""
        return [f"stride {self.stride}", *self.notes] if self.stride > 1 else self.notes

    @property
    def is_sign(self) -> bool:
        """Whether it is drawn as a sign in a circle."""
        return self.name in SIGNS.values()


@dataclass(frozen=True)
class Inside:
    """A block's parts in an order in which each stands behind its sources, the input first; and its costs.

    Attributes:
        parts: the first is the input, the last gives the output.
        parameters: of the block.
        macs: multiply-adds for one input.
    """

    parts: list[Part]
    parameters: int
    macs: int

    def __repr__(self) -> str:
        return f"Inside({len(self.parts)} parts, {self.parameters:,} parameters, {self.macs:,} multiply-adds)"


def inside(block: nn.Module, shape: tuple[int, ...], roles: Mapping[str, str] | None = None) -> Inside:
    """The parts of ``block`` on inputs (N, *shape), in evaluation; containers and units are taken apart, no others.

    ``roles`` are said behind the names of layers: ``{path in the block: word}``.

    Raises:
        TypeError: ``block`` is not a module.
        ValueError: the block does not run on such inputs.
    """
    if not isinstance(block, nn.Module):
        raise TypeError(f"block is {type(block).__name__}; expected a torch.nn.Module, such as a backbone's block")
    if not list(block.children()):
        block = nn.Sequential(block)  # a single layer is a part, too
    program = _export(block, shape)
    nodes = [node for node in program.graph.nodes if node.op == "call_function"]
    return Inside(
        parts=_Reader(block, program, shape, roles or {}).parts,
        parameters=sum(parameter.numel() for parameter in block.parameters()),
        macs=sum(multiply_adds(node) for node in nodes),
    )


def _export(block: nn.Module, shape: tuple[int, ...]) -> ExportedProgram:
    like = next(block.parameters(), torch.empty(0))
    example = torch.zeros(1, *shape, dtype=like.dtype, device=like.device)
    with evaluation(block), torch.no_grad():
        try:
            block(example)
        except Exception as error:
            raise ValueError(f"the block does not run on inputs (N, {str(shape)[1:]}: {error}") from error
        return torch.export.export(block, (example,), strict=False)


class _Reader:
    """Walks the operations of a block in order and gathers them into parts."""

    def __init__(
        self, block: nn.Module, program: ExportedProgram, shape: tuple[int, ...], roles: Mapping[str, str]
    ) -> None:
        self.block = block
        self.roles = roles
        self.parts = [Part("input", [], words.PLAIN, shape=shape)]
        self.part_of: dict[Node, Part] = {}  # whose output a node is
        self.called: dict[str, Part] = {}  # by the call of a module
        for node in program.graph.nodes:
            if node.name in program.graph_signature.user_inputs:
                self.part_of[node] = self.parts[0]
            elif node.op == "call_function":
                self._read(node)

    def _read(self, node: Node) -> None:
        sources = list(dict.fromkeys(self.part_of[each] for each in node.all_input_nodes if each in self.part_of))
        if not sources:
            return  # made of parameters only
        call, name = _owner(self.block, node)
        if call in self.called:
            part = self.called[call]
            part.sources += [each for each in sources if each not in (part, *part.sources)]
        elif call:
            part = self.called[call] = self._module(self.block.get_submodule(name), node, sources)
            part.name += f" ({self.roles[name]})" if name in self.roles else ""
        else:
            part = self._operation(node, sources)
        self.part_of[node] = part
        if tensors(node) and (call or operation(node) not in ("", *SILENT)):
            part.shape = tuple(tensors(node)[0].shape[1:])

    def _module(self, module: nn.Module, node: Node, sources: list[Part]) -> Part:
        if isinstance(module, words.SILENT):
            return sources[0]
        if words.is_attached(module) and _follows(node, sources):
            sources[0].notes.append(words.label(module))
            part = sources[0]
        else:
            looks = {"stride": words.stride(module), "is_layer": not words.is_attached(module)}
            part = self._add(Part(words.label(module), sources, words.colour(module), **looks))
        part.parameters += sum(parameter.numel() for parameter in module.parameters())
        return part

    def _operation(self, node: Node, sources: list[Part]) -> Part:
        kind = operation(node)
        if not is_operation(node) or kind in SILENT:
            return sources[0]
        if kind in ACTIVATIONS and _follows(node, sources):
            sources[0].notes.append(NAMED[kind])
            return sources[0]
        if kind in SIGNS and len(sources) == 1:
            constants = [str(each) for each in node.args if isinstance(each, (int, float))]
            return self._add(Part(" ".join([SIGNS[kind], *constants]), sources, words.PLAIN))
        tint = words.POOLING if "pool" in kind else words.PLAIN
        return self._add(Part(SIGNS.get(kind) or NAMED.get(kind, kind.strip("_")), sources, tint))

    def _add(self, part: Part) -> Part:
        self.parts.append(part)
        return part


def _owner(block: nn.Module, node: Node) -> tuple[str, str]:
    """The call and the name of the outermost module inside the block that runs a node and is no container."""
    stack = node.meta.get("nn_module_stack", {})
    for call, (name, _) in stack.items():
        if name and not isinstance(block.get_submodule(name), (nn.Sequential, nn.ModuleList)):
            return call, name
    return "", ""


def _follows(node: Node, sources: list[Part]) -> bool:
    """Whether a node stands right behind a layer whose output nothing else takes."""
    before = [each for each in node.all_input_nodes if len(each.users) == 1 and tensors(each)]
    return len(sources) == 1 and sources[0].is_layer and any(each.op == "call_function" for each in before)
