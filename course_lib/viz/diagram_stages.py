"""The stages of a network: its blocks in the order they run, equal neighbours taken together, read off the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import nn

from course_lib.cost import Cost, Layer, count
from course_lib.viz import diagram_words as words

# What a network itself may do between its modules; what only changes the order is not worth a word.
OPERATIONS = {"mean": "mean", "add": "sum", "cat": "concatenation", "adaptive_avg_pool2d": "global average pooling"}


@dataclass(frozen=True)
class Stage:
    """Equal blocks, one after the other.

    Attributes:
        label: what a block is called.
        then: what the network itself does with the output, such as ``"mean"``.
        modules: the names of the blocks in the network, as in ``named_modules()``.
        stride: of the first block; the others have 1.
        output_shape: (channels, height, width), (tokens, width) or (numbers,), without the batch.
        parameters: of all blocks together.
        macs: multiply-adds of all blocks together, for one image.
        colour: by kind of layer.
    """

    label: str
    then: tuple[str, ...]
    modules: tuple[str, ...]
    stride: int
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    colour: str


def stages(network: nn.Module, input_size: tuple[int, int], in_channels: int = 3) -> list[Stage]:
    """The stages of a network on images (N, in_channels, *input_size); nothing is computed on data.

    Raises what ``cost.count`` raises, among others ValueError for images that the network does not take.
    """
    return list(_together(_blocks(network, count(network, input_size, in_channels=in_channels))))


def _blocks(network: nn.Module, counted: Cost) -> Iterator[Stage]:
    """Every block by itself, in the order they run. What belongs to no block is the one's before it."""
    block_of = _block_of(network)
    runs: dict[str, list[Layer]] = {}
    name = next(iter(block_of.values()), "")
    for layer in counted.layers[1:]:
        name = _owner(layer.name, block_of) or name
        runs.setdefault(name, []).append(layer)
    for name, layers in runs.items():
        module = network.get_submodule(name)
        own = [layer for layer in layers if layer.name or layer.kind != "flatten"]
        yield Stage(
            label=words.label(module),
            then=tuple(_operation(layer) for layer in own if not layer.name and layer.kind in OPERATIONS),
            modules=(name,),
            stride=words.stride(module),
            output_shape=own[-1].output_shape[1:],
            parameters=sum(layer.parameters for layer in layers),
            macs=sum(layer.macs.conv_linear for layer in layers),
            colour=words.colour(module),
        )


def _operation(layer: Layer) -> str:
    return "plus learned vectors" if layer.kind == "add" and layer.parameters else OPERATIONS[layer.kind]


def _together(blocks: Iterator[Stage]) -> Iterator[Stage]:
    """Blocks that are called alike and put out the same shape become one stage, unless one of them has a stride."""
    stage = next(blocks)
    for block in blocks:
        if (block.label, block.output_shape, block.stride) != (stage.label, stage.output_shape, 1):
            yield stage
            stage = block
        else:
            stage = replace(
                stage,
                modules=stage.modules + block.modules,
                parameters=stage.parameters + block.parameters,
                macs=stage.macs + block.macs,
            )
    yield stage


def _owner(name: str, block_of: dict[str, str]) -> str:
    """The block that a module belongs to: that of its own name or of one that it is inside of."""
    parts = name.split(".")
    inside = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((block_of[outer] for outer in inside if outer in block_of), "")


def _block_of(network: nn.Module) -> dict[str, str]:
    """The name of the block for each module that is a block or is drawn with one.

    Batch norm, activations and the like go with the block before them; where a container begins with them, with the
    block behind.
    """
    found: dict[str, str] = {}
    waiting: list[str] = []
    last = ""
    for name, module, is_first in _units("", network):
        if not words.is_attached(module):
            found |= dict.fromkeys([*waiting, name], name)
            last, waiting = name, []
        elif (is_first or waiting) and not isinstance(module, nn.Identity):
            waiting.append(name)
        else:
            found[name] = last
    return found | dict.fromkeys(waiting, last)


def _units(prefix: str, parent: nn.Module) -> Iterator[tuple[str, nn.Module, bool]]:
    """Names and modules, containers taken apart, and whether a container begins with the module."""
    children = list(parent.named_children())
    for place, (child, module) in enumerate(children):
        name = f"{prefix}{child}"
        is_wrapper = len(children) == 1 and not prefix and not isinstance(parent, nn.Sequential)
        if type(module) in (nn.Sequential, nn.ModuleList) or is_wrapper:
            yield from _units(f"{name}.", module)
        else:
            yield name, module, place == 0 and bool(prefix)
