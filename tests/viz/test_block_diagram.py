"""The inside of a block is what it runs: parts, ways beside each other, shapes and parameters, for every family."""

from __future__ import annotations

import pytest
import torch
from matplotlib.text import Text
from test_diagram_stages import drawn, forward_shapes, small
from torch import nn

from course_lib import viz
from course_lib.backbones.blocks import InvertedBottleneck
from course_lib.backbones.iresnet import ImprovedResidual, SqueezeExcitation
from course_lib.backbones.vit_tiny import TransformerBlock
from course_lib.viz.diagram_graph import Part, inside
from course_lib.viz.diagram_lanes import lanes, ranks


def said(parts: list[Part]) -> list[tuple[str, list[str], list[int]]]:
    """Name, what follows at once, and the places of the sources."""
    return [(part.name, part.notes, [parts.index(source) for source in part.sources]) for part in parts[1:]]


def test_an_inverted_residual_with_and_without_its_shortcut() -> None:
    with_shortcut = inside(InvertedBottleneck(4, 4, expansion=2, stride=1), (4, 6, 6))
    path = [
        ("1×1 convolution", ["batch norm", "PReLU"], [0]),
        ("3×3 depthwise convolution", ["batch norm", "PReLU"], [1]),
        ("1×1 convolution", ["batch norm"], [2]),
    ]
    assert said(with_shortcut.parts) == [*path, ("+", [], [0, 3])]
    assert [part.shape for part in with_shortcut.parts] == [(4, 6, 6), (8, 6, 6), (8, 6, 6), (4, 6, 6), (4, 6, 6)]
    assert [part.parameters for part in with_shortcut.parts] == [0, 4 * 8 + 24, 9 * 8 + 24, 8 * 4 + 8, 0]
    assert with_shortcut.macs == 36 * (4 * 8 + 9 * 8 + 8 * 4)
    halving = inside(InvertedBottleneck(4, 4, expansion=2, stride=2), (4, 6, 6))
    assert said(halving.parts) == path and halving.parts[2].stride == 2
    assert halving.macs == 36 * 4 * 8 + 9 * (9 * 8 + 8 * 4)


def test_squeeze_and_excitation_multiplies_its_input() -> None:
    parts = inside(SqueezeExcitation(8, 4), (8, 3, 3)).parts
    assert said(parts) == [
        ("global average pooling", [], [0]),
        ("fully connected", ["PReLU"], [1]),
        ("fully connected", ["sigmoid"], [2]),
        ("×", [], [0, 3]),
    ]


def test_batch_norm_before_any_layer_stands_by_itself() -> None:
    parts = inside(ImprovedResidual(4, 8, stride=2, squeeze=2), (4, 6, 6)).parts
    assert said(parts) == [
        ("batch norm", [], [0]),
        ("3×3 convolution", ["batch norm", "PReLU"], [1]),
        ("3×3 convolution", ["batch norm"], [2]),
        ("squeeze and excitation", [], [3]),
        ("1×1 convolution", ["batch norm"], [0]),
        ("+", [], [4, 5]),
    ]


def test_a_transformer_block_has_two_shortcuts() -> None:
    parts = inside(TransformerBlock(8, 2, 16), (5, 8)).parts
    assert said(parts) == [
        ("layer norm", [], [0]),
        ("attention, 2 heads", [], [1]),
        ("+", [], [0, 2]),
        ("layer norm", [], [3]),
        ("fully connected", ["GELU"], [4]),
        ("fully connected", [], [5]),
        ("+", [], [3, 6]),
    ]


def test_operations_of_the_block_itself_are_parts() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            wide = torch.relu(self.first(x))
            return 0.5 * torch.cat([wide, self.second(x), x], 1)

    assert said(inside(Scaled(), (2, 4, 4)).parts) == [
        ("1×1 convolution", ["ReLU"], [0]),
        ("1×1 convolution", [], [0]),
        ("concatenation", [], [1, 2, 0]),
        ("× 0.5", [], [3]),
    ]


def test_an_activation_is_not_drawn_with_a_layer_whose_bare_output_is_used_too() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.activation = nn.Conv2d(2, 2, 1), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            bare = self.layer(x)
            return bare + self.activation(bare)

    assert said(inside(Twice(), (2, 4, 4)).parts) == [
        ("1×1 convolution", [], [0]),
        ("ReLU", [], [1]),
        ("+", [], [1, 2]),
    ]


# One of each family, with every kind of block that there is.
FAMILIES = (
    "deepface",
    "deepface_lrn",
    "efficientnet_lite0",
    "inception_resnet_v1",
    "inception_v3",
    "lenet_plus_plus",
    "mobiface",
    "mobilefacenet",
    "mobilenet_v1",
    "mobilenet_v2_face",
    "se_lresnet100e_ir",
    "shufflenet",
    "vit_tiny",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_blocks_of_every_family_hold_their_parameters_and_give_their_shapes(name: str) -> None:
    network = small(name)
    shapes = forward_shapes(network)
    for stage in drawn(network):
        block = network.get_submodule(stage.modules[0])
        found = inside(block, shapes[stage.modules[0]][0])
        assert sum(part.parameters for part in found.parts) == found.parameters
        last = found.parts[-1].shape
        assert (last[:1] if last[1:] == (1, 1) else last) == shapes[stage.modules[0]][1]
        taken = {source for part in found.parts for source in part.sources}
        assert [part for part in found.parts if part not in taken] == found.parts[-1:]  # one end


def test_ways_lie_beside_each_other_and_the_shortest_innermost() -> None:
    start = Part("input", [], "")
    a = Part("a", [start], "")
    b = Part("b", [a], "")
    side = Part("side", [start], "")
    joined = Part("joined", [b, side], "")
    end = Part("+", [joined, start], "")
    parts = [start, a, b, side, joined, end]
    assert ranks(parts) == {start: 0, a: 1, b: 2, side: 1, joined: 3, end: 4}
    columns, skips = lanes(parts)
    assert columns == {start: 0, a: 0, b: 0, joined: 0, end: 0, side: 1}
    assert skips == {(start, end): 2}


def test_the_alt_text_says_what_is_added_to_what() -> None:
    block = InvertedBottleneck(4, 4, expansion=2, stride=1)
    alt = viz.block_diagram({"a block": (block, (4, 6, 6))}, title="T").alt
    assert alt.startswith("a block: input 4 × 6 × 6; 1×1 convolution, batch norm, PReLU, to 8 × 6 × 6; 3×3 depthwise")
    assert "sum of input and 1×1 convolution, to 4 × 6 × 6" in alt and "192 parameters" in alt


def test_a_layer_is_called_what_the_text_calls_it() -> None:
    block = nn.Sequential(nn.Conv2d(4, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 1))
    diagram = viz.block_diagram({"a block": (block, (4, 6, 6))}, title="T", roles={"2": "the join"})
    assert "1×1 convolution, ReLU, to 2 × 6 × 6; 1×1 convolution (the join), to 4 × 6 × 6" in diagram.alt
    assert "1×1 convolution (the join)" in {text.get_text() for text in diagram.figure.findobj(Text)}
    with pytest.raises(ValueError, match=r"roles are given for \['3'\]; expected paths of layers"):
        viz.block_diagram({"a block": (block, (4, 6, 6))}, title="T", roles={"3": "the join"})


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="blocks: there is nothing to draw"):
        viz.block_diagram({}, title="T")
    with pytest.raises(ValueError, match=r"the block does not run on inputs \(N, 4, 6, 6\)"):
        viz.block_diagram({"a": (nn.Conv2d(3, 3, 1), (4, 6, 6))}, title="T")
    with pytest.raises(TypeError, match="block is str; expected a torch.nn.Module"):
        viz.block_diagram({"a": ("mobilefacenet", (4, 6, 6))}, title="T")


def test_the_block_is_left_as_it_was() -> None:
    block = InvertedBottleneck(4, 4, expansion=2, stride=1).train()
    before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
    inside(block, (4, 6, 6))
    assert block.training and block.expand.training
    assert all(torch.equal(before[name], tensor) for name, tensor in block.state_dict().items())
