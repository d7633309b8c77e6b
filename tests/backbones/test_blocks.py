from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.backbones.blocks import (
    ConvUnit,
    GlobalDepthwiseConv,
    InvertedBottleneck,
    PReLU,
    SeparableConv,
    TensorFlowConvUnit,
    activation_layer,
    check_input_size,
    inverted_bottlenecks,
    rounded_to_eight,
    size_after,
)


def test_the_shortcut_exists_only_where_the_shape_is_kept():
    assert InvertedBottleneck(8, 8, expansion=2, stride=1).has_shortcut
    assert not InvertedBottleneck(8, 8, expansion=2, stride=2).has_shortcut
    assert not InvertedBottleneck(8, 16, expansion=2, stride=1).has_shortcut


def test_the_shortcut_adds_the_input():
    block = InvertedBottleneck(4, 4, expansion=2, stride=1).eval()
    torch.nn.init.zeros_(block.project[0].weight)  # what is left of the block is the shortcut
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(block(x), x)


def test_expansion_multiplies_the_input_channels():
    block = InvertedBottleneck(6, 10, expansion=4, stride=2)
    assert block.depthwise[0].weight.shape == (24, 1, 3, 3)
    assert block(torch.randn(2, 6, 7, 9)).shape == (2, 10, 4, 5)


def test_global_depthwise_convolution_with_equal_weights_is_average_pooling():
    unit = GlobalDepthwiseConv(3, (4, 2)).eval()
    torch.nn.init.constant_(unit[0].weight, 1 / 8)
    x = torch.randn(5, 3, 4, 2)
    # An untrained batch norm divides by sqrt(1 + eps).
    assert torch.allclose(unit(x)[:, :, 0, 0], x.mean((2, 3)) / (1 + 1e-5) ** 0.5, atol=1e-6)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(8, 8), (9, 9), (8, 9), (2, 1)])
def test_tensorflows_padding_puts_the_odd_pixel_behind(kernel: int, size: tuple[int, int]):
    """A stride of 2 keeps every second window of a stride of 1: from the second on where the side is even."""
    torch.manual_seed(0)
    every = TensorFlowConvUnit(2, 3, kernel, activation="linear").eval()
    second = TensorFlowConvUnit(2, 3, kernel, stride=2, activation="linear").eval()
    second.load_state_dict(every.state_dict())
    x = torch.randn(1, 2, *size)
    rows, columns = (slice(1 - side % 2, None, 2) for side in size)
    torch.testing.assert_close(second(x), every(x)[:, :, rows, columns])
    symmetric = ConvUnit(2, 3, kernel, stride=2, activation="linear").eval()
    symmetric.load_state_dict(every.state_dict())
    symmetric[1].eps = 1e-3
    assert torch.allclose(symmetric(x), second(x), atol=1e-6) == all(side % 2 for side in size)


def test_tensorflows_padding_by_hand():
    unit = TensorFlowConvUnit(1, 1, 3, stride=2, activation="linear").eval()
    torch.nn.init.ones_(unit[0].weight)
    sums = torch.tensor([[9.0, 6.0], [6.0, 4.0]])  # of 4x4 ones: windows at rows 0-2 and 2-4, of which 4 is padding
    assert torch.allclose(unit(torch.ones(1, 1, 4, 4))[0, 0], sums / (1 + 1e-3) ** 0.5)


def test_a_bottleneck_of_another_kernel_and_unit():
    block = InvertedBottleneck(4, 4, expansion=2, stride=1, kernel=5, unit=TensorFlowConvUnit)
    assert block.depthwise[0].weight.shape == (8, 1, 5, 5)
    assert all(isinstance(unit, TensorFlowConvUnit) for unit in (block.expand, block.depthwise, block.project))


def test_separable_convolution_counts_by_hand():
    unit = SeparableConv(6, 10, stride=2)
    assert sum(p.numel() for p in unit.parameters()) == 6 * 9 + 2 * 6 + 6 * 10 + 2 * 10
    assert unit(torch.randn(2, 6, 7, 9)).shape == (2, 10, 4, 5)


def test_an_expansion_by_one_is_kept_or_left_out():
    kept, left_out = (InvertedBottleneck(8, 8, expansion=1, stride=1, always_expand=keep) for keep in (True, False))
    assert kept.expand[0].weight.shape == (8, 8, 1, 1)
    assert isinstance(left_out.expand, nn.Identity)
    assert left_out(torch.randn(1, 8, 4, 4)).shape == (1, 8, 4, 4)


def test_the_rows_of_a_table_become_blocks():
    blocks = inverted_bottlenecks(4, [(2, 8, 2, 2), (3, 8, 1, 1)], scaled=lambda c: c // 2, shortcut=False)
    assert [block.depthwise[0].stride for block in blocks] == [(2, 2), (1, 1), (1, 1)]
    assert [block.depthwise[0].out_channels for block in blocks] == [8, 8, 12]
    assert [block.project[0].out_channels for block in blocks] == [4, 4, 4]
    assert not any(block.has_shortcut for block in blocks)


@pytest.mark.parametrize(("channels", "rounded"), [(3.2, 8), (12, 16), (11.2, 16), (33.6, 32), (24, 24), (19.2, 24)])
def test_channels_round_to_eight_as_in_torchvision(channels: float, rounded: int):
    from torchvision.models._utils import _make_divisible

    assert rounded_to_eight(channels) == rounded == _make_divisible(channels, 8)


def both_prelus(channels: int) -> tuple[nn.PReLU, PReLU]:
    """PyTorch's and ours with the same slopes, some of them negative and one above 1."""
    theirs, ours = nn.PReLU(channels), PReLU(channels)
    nn.init.uniform_(theirs.weight, -0.5, 1.5)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


@pytest.mark.parametrize("shape", [(5, 6), (3, 6, 4), (3, 6, 5, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("channels_last", [False, True])
def test_prelu_has_the_values_and_gradients_of_pytorchs(shape: tuple, dtype: torch.dtype, channels_last: bool):
    torch.manual_seed(0)
    x, grad = torch.randn(shape).to(dtype), torch.randn(shape).to(dtype)
    x.view(-1)[:3] = 0
    if channels_last and len(shape) == 4:
        x, grad = (tensor.contiguous(memory_format=torch.channels_last) for tensor in (x, grad))
    found = []
    for prelu in both_prelus(6):
        leaf = x.clone().requires_grad_()
        out = prelu.to(dtype)(leaf)
        out.backward(grad)
        found.append((out, leaf.grad, prelu.weight.grad))
    for theirs, ours in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs)
    assert found[1][1].stride() == found[0][1].stride()


def test_prelu_agrees_with_finite_differences_to_the_second_order():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    ours = both_prelus(3)[1].double()

    def prelu(x: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(ours, {"weight": slopes}, x)

    assert torch.autograd.gradcheck(prelu, (x, ours.weight))
    assert torch.autograd.gradgradcheck(prelu, (x, ours.weight))


def test_prelu_under_autocast_and_vmap_is_pytorchs():
    torch.manual_seed(0)
    theirs, ours = both_prelus(4)
    for dtype in (torch.float32, torch.bfloat16):
        grads = []
        for prelu in (theirs, ours):
            x = torch.linspace(-1, 1, 2 * 4 * 9).view(2, 4, 3, 3).to(dtype).requires_grad_()
            with torch.autocast("cpu", torch.bfloat16):
                out = prelu(x)
            out.square().sum().backward()
            grads.append((out, x.grad))
        for theirs_grad, ours_grad in zip(*grads, strict=True):
            torch.testing.assert_close(ours_grad, theirs_grad)
    x = torch.randn(5, 2, 4, 3)
    torch.testing.assert_close(torch.vmap(ours)(x), torch.vmap(theirs)(x))


def test_prelu_exports_as_pytorchs_operation():
    exported = torch.export.export(PReLU(4), (torch.randn(2, 4, 3, 3),))
    assert [node.target for node in exported.graph.nodes if node.op == "call_function"] == [
        torch.ops.aten.prelu.default
    ]


def test_prelu_compiles_to_pytorchs_operation_without_a_break():
    theirs, ours = both_prelus(4)
    x, grads = torch.randn(2, 4, 3, 3), []
    for prelu in (theirs, torch.compile(ours, fullgraph=True, backend="eager")):
        leaf = x.clone().requires_grad_()
        prelu(leaf).sum().backward()
        grads.append(leaf.grad)
    assert torch.equal(*grads)


def test_sizes_round_up_and_a_number_is_a_square():
    assert size_after((112, 92), 16) == (7, 6)
    assert check_input_size(20, 16) == (20, 20)


@pytest.mark.parametrize("size", [(15, 112), (112,), (3, 112, 112), 0, (112.0, 112.0), (-112, 112)])
def test_senseless_sizes_are_refused(size):
    with pytest.raises(ValueError, match="input_size is .* at least 16 pixels"):
        check_input_size(size, 16)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="'gelu' is not known; expected one of linear, prelu, relu"):
        activation_layer("gelu", 3)
    with pytest.raises(ValueError, match="padding must be given"):
        ConvUnit(3, 3, (2, 3))
