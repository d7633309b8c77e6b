"""A network's stages are those that it runs: their shapes, their number and their costs, for every backbone."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from course_lib import backbones, cost
from course_lib.backbones import efficientnet_lite0, iresnet, mobiface, mobilefacenet, mobilenet_v2, shufflenet
from course_lib.viz import Stage, stages


def small(name: str) -> nn.Module:
    return backbones.create(name, seed=0, **backbones._NETWORKS[name].small).eval()


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return backbones.create(name)


def drawn(network: nn.Module) -> list[Stage]:
    return stages(network, network.input_size, network.in_channels)


def without_ones(shape: torch.Size) -> tuple[int, ...]:
    """What a map of one position is flattened to."""
    return tuple(shape[1:2] if tuple(shape[2:]) == (1, 1) else shape[1:])


@torch.no_grad()
def forward_shapes(network: nn.Module) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Shapes of the input and the output of each module in a forward pass on random images, without the batch."""
    found = {}
    for name, module in network.named_modules():
        module.register_forward_hook(
            lambda _, inputs, out, name=name: found.__setitem__(name, (inputs[0].shape, without_ones(out.shape)))
        )
    network(torch.randn(2, network.in_channels, *network.input_size))
    return {name: (tuple(given[1:]), out) for name, (given, out) in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", backbones.available())
def test_every_backbone_has_stages_whose_shapes_and_costs_are_its_own(name: str) -> None:
    network = small(name)
    chain, shapes = drawn(network), forward_shapes(network)
    for stage, following in zip(chain, [*chain[1:], None], strict=True):
        # What the network itself does behind a stage is in no module: then the next one's input says it.
        given = shapes[following.modules[0]][0] if following else (network.embedding_dim,)
        found = tuple(stage.output_shape)
        assert (given if stage.then else shapes[stage.modules[-1]][1]) == (found[:1] if found[1:] == (1, 1) else found)
    counted = cost.count(network, network.input_size, in_channels=network.in_channels)
    assert sum(stage.parameters for stage in chain) == counted.parameters - counted.unused_parameters
    assert sum(stage.macs for stage in chain) == counted.macs.conv_linear
    names = [module for stage in chain for module in stage.modules]
    assert len(names) == len(set(names))
    order = list(shapes)  # hooks run in the order of the forward pass
    assert [order.index(module) for module in names] == sorted(order.index(module) for module in names)


# From the papers' tables: how often the network's block stands in it.
NUMBER_OF_BLOCKS = {
    "mobilefacenet": ("inverted residual", sum(n for _, _, n, _ in mobilefacenet.BOTTLENECKS)),
    "mobiface": ("inverted residual", sum(n for _, _, n, _ in mobiface.BOTTLENECKS)),
    "mobiface_one_each": ("inverted residual", len(mobiface.BOTTLENECKS)),
    "mobilenet_v1": ("depthwise-separable convolution", 13),
    "mobilenet_v2_face": ("inverted residual", sum(n for _, _, n, _ in mobilenet_v2.BOTTLENECKS)),
    "efficientnet_lite0": ("inverted residual", sum(row[2] for row in efficientnet_lite0.BOTTLENECKS)),
    "shufflenet": ("shuffle unit", sum(shufflenet.REPEATS)),
    "iresnet18": ("improved residual unit", sum(iresnet.BLOCKS[18])),
    "inception_resnet_v1": ("Inception-ResNet block", 5 + 10 + 5 + 1),
    "inception_v3": ("Inception block", 3 + 1 + 4 + 1 + 2),
    "deepface": ("locally connected", 3),
    "lenet_plus_plus": ("convolution", 6),
    "vit_tiny": ("transformer block", 12),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NUMBER_OF_BLOCKS)
def test_as_many_blocks_as_the_papers_table_has(name: str) -> None:
    label, expected = NUMBER_OF_BLOCKS[name]
    assert sum(len(stage.modules) for stage in drawn(on_meta(name)) if label in stage.label) == expected


def test_the_stages_of_mobilefacenet_are_the_rows_of_its_table() -> None:
    body = [stage for stage in drawn(on_meta("mobilefacenet")) if "residual" in stage.label]
    rows = [(f"inverted residual, t = {t}", c, n, s) for t, c, n, s in mobilefacenet.BOTTLENECKS]
    assert [(stage.label, stage.output_shape[0], len(stage.modules), stage.stride) for stage in body] == rows


def test_what_stands_around_a_block_goes_with_it() -> None:
    """Batch norm and the activation with the convolution before, the head's first batch norm with the last layer."""
    chain = drawn(small("iresnet18"))
    assert [stage.label for stage in chain][::5] == ["3×3 convolution", "fully connected"]
    widths, head = (16, 16, 32, 32), small("iresnet18").head
    assert chain[0].parameters == 3 * 9 * 16 + 2 * 16 + 16
    assert chain[-1].parameters == sum(parameter.numel() for parameter in head.parameters())
    assert chain[-2].output_shape == (widths[-1], 2, 2)


def test_the_tokens_positions_and_their_mean_are_named() -> None:
    first, blocks, norm, head = drawn(small("vit_tiny"))
    assert (first.label, first.stride, first.then) == ("8×8 convolution", 8, ("plus learned vectors",))
    assert first.parameters == 3 * 64 * 48 + 48 + 16 * 48  # kernels, biases, positions
    assert (blocks.output_shape, norm.then, norm.output_shape) == ((16, 48), ("mean",), (48,))
    assert head.label == "fully connected"


@pytest.mark.slow
def test_a_part_that_does_not_run_is_not_drawn() -> None:
    with torch.device("meta"):
        network = backbones.create("inception_v3", auxiliary_head=True)
    assert not [name for stage in drawn(network) for name in stage.modules if "Aux" in name]


def test_a_network_of_ones_own_has_stages() -> None:
    """Units that are plain sequences are one layer each, and equal ones behind each other one stage."""

    def unit(c_in: int, c_out: int, stride: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride, 1), nn.BatchNorm2d(c_out), nn.ReLU())

    body = [unit(1, 4, 2), *(unit(4, 4, 1) for _ in range(3)), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    first, pool, last = stages(nn.Sequential(*body, nn.Linear(4, 2)), (9, 8), 1)
    assert (first.label, len(first.modules), first.stride, first.output_shape) == ("3×3 convolution", 4, 2, (4, 5, 4))
    assert first.parameters == (9 * 4 + 4) + 3 * (9 * 16 + 4) + 4 * 8
    assert first.macs == 20 * (9 * 4 + 3 * 9 * 16)
    assert (pool.label, pool.parameters, pool.macs) == ("global average pooling", 0, 0)
    assert (last.label, last.output_shape, last.macs) == ("fully connected", (2,), 8)


def test_a_second_stride_starts_a_new_stage() -> None:
    """Even where both leave one position and are called alike."""
    convolutions = [nn.Conv2d(4, 4, 3, 2, padding=1) for _ in range(2)]
    assert Counter(len(stage.modules) for stage in stages(nn.Sequential(*convolutions), (1, 1), 4)) == {1: 2}
