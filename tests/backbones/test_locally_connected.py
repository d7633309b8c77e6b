from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_lib.backbones import locally_connected
from course_lib.backbones.locally_connected import LocallyConnected2d

# in_channels, out_channels, kernel_size, input_size, stride
GEOMETRIES = [(2, 3, 3, (6, 7), 1), (3, 2, 2, (7, 5), 2), (1, 4, 5, (5, 5), 1), (2, 2, 2, (9, 8), 3)]


def plain_loop(layer: LocallyConnected2d, x: Tensor) -> Tensor:
    """One output after the other, from its own window and its own weights."""
    k, step = layer.kernel_size, layer.stride
    weight = layer.weight.unflatten(0, layer.output_size)
    out = x.new_zeros(len(x), layer.out_channels, *layer.output_size)
    for i in range(layer.output_size[0]):
        for j in range(layer.output_size[1]):
            window = x[:, :, i * step : i * step + k, j * step : j * step + k]
            for channel in range(layer.out_channels):
                kernel = weight[i, j, :, channel].view(k, k, layer.in_channels).permute(2, 0, 1)
                out[:, channel, i, j] = (window * kernel).sum((1, 2, 3))
                if layer.bias is not None:
                    out[:, channel, i, j] += layer.bias[channel, i, j]
    return out


def made(
    geometry: tuple, *, bias: bool = True, dtype: torch.dtype = torch.float64
) -> tuple[LocallyConnected2d, Tensor]:
    torch.manual_seed(0)
    in_channels, out_channels, kernel, size, stride = geometry
    layer = LocallyConnected2d(in_channels, out_channels, kernel, size, stride=stride, bias=bias).to(dtype)
    return layer, torch.randn(3, in_channels, *size, dtype=dtype, requires_grad=True)


def gradients(out: Tensor, layer: LocallyConnected2d, x: Tensor) -> tuple[Tensor, ...]:
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    return torch.autograd.grad((out * weights).sum(), [x, *layer.parameters()])


@pytest.mark.parametrize("cache_bytes", [1, 200, 2**21])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_output_and_gradients_are_those_of_a_plain_loop(geometry, bias, cache_bytes, monkeypatch):
    monkeypatch.setattr(locally_connected, "CACHE_BYTES", cache_bytes)
    layer, x = made(geometry, bias=bias)
    ours, loop = layer(x), plain_loop(layer, x)
    assert torch.allclose(ours, loop, rtol=1e-12)
    for mine, plain in zip(gradients(ours, layer, x), gradients(loop, layer, x), strict=True):
        assert torch.allclose(mine, plain, rtol=1e-12)


def test_output_and_gradients_in_float32():
    layer, x = made(GEOMETRIES[0], dtype=torch.float32)
    exact, x64 = made(GEOMETRIES[0])
    exact.load_state_dict(layer.state_dict())
    x64.data.copy_(x.data)
    assert torch.allclose(layer(x).double(), plain_loop(exact, x64), atol=1e-6)
    loop = gradients(plain_loop(exact, x64), exact, x64)
    for mine, plain in zip(gradients(layer(x), layer, x), loop, strict=True):
        assert torch.allclose(mine.double(), plain, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_gradcheck(geometry):
    layer, x = made(geometry)
    assert torch.autograd.gradcheck(lambda x, *_: layer(x), (x, *layer.parameters()))


def test_equal_weights_everywhere_are_a_convolution():
    layer, x = made((3, 4, 3, (8, 9), 2), bias=False)
    kernel = torch.randn(4, 3, 3, 3, dtype=torch.float64)
    layer.weight.data.copy_(kernel.permute(2, 3, 1, 0).reshape(27, 4).expand_as(layer.weight))
    assert torch.allclose(layer(x), F.conv2d(x, kernel, stride=2))


def test_no_position_sees_another_ones_weights():
    layer, x = made((2, 3, 3, (6, 7), 1))
    before = layer(x)
    layer.weight.data[2 * 5 + 3] += 1  # of rows of 5 positions
    changed = (layer(x) != before).any(0).any(0)
    assert changed.nonzero().tolist() == [[2, 3]]


def test_parameters_and_products_of_deepfaces_l4():
    with torch.device("meta"):
        layer = LocallyConnected2d(16, 16, 9, 63)
    assert layer.output_size == (55, 55)
    assert sum(p.numel() for p in layer.parameters()) == 55 * 55 * 16 * (9 * 9 * 16) + 55 * 55 * 16 == 62_774_800


def test_only_the_gradients_that_are_asked_for():
    layer, x = made(GEOMETRIES[0])
    layer.requires_grad_(False)
    layer(x).sum().backward()
    assert x.grad is not None and layer.weight.grad is None
    layer.requires_grad_(True)
    layer(x.detach()).sum().backward()
    assert layer.weight.grad is not None


def test_it_counts_as_matrix_products_forward_and_twice_backward():
    layer, x = made(GEOMETRIES[1], bias=False)
    with FlopCounterMode(display=False) as counter:
        out = layer(x)
    assert counter.get_total_flops() == 2 * len(x) * layer.weight.numel()
    with FlopCounterMode(display=False) as counter:
        out.sum().backward()
    assert counter.get_total_flops() == 2 * 2 * len(x) * layer.weight.numel()


def test_it_exports_with_an_open_batch_as_matrix_products():
    layer, x = made(GEOMETRIES[1], dtype=torch.float32)
    batch = torch.export.Dim("batch")
    program = torch.export.export(layer, (x.detach(),), dynamic_shapes=({0: batch},))
    images = torch.randn(5, *x.shape[1:])
    assert torch.allclose(program.module()(images), layer(images), atol=1e-6)
    with FlopCounterMode(display=False) as counter:
        program.module()(images)
    assert counter.get_total_flops() == 2 * 5 * layer.weight.numel()


def test_a_batch_of_no_images():
    layer, x = made(GEOMETRIES[1])
    out = layer(x[:0])
    assert out.shape == (0, 2, 3, 2)
    out.sum().backward()
    assert not layer.weight.grad.any() and not x.grad.any()


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_any_memory_layout(layout):
    layer, x = made(GEOMETRIES[0])
    expected = layer(x)
    layer.to(memory_format=layout)
    assert torch.equal(layer(x.contiguous(memory_format=layout)), expected)
    assert layer.weight.is_contiguous(), "or every product would copy it"


def test_bfloat16_by_weights_and_by_autocast():
    layer, x = made(GEOMETRIES[0], dtype=torch.float32)
    expected = layer(x)
    expected_gradients = gradients(expected, layer, x)
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
    assert out.dtype == torch.bfloat16 and torch.allclose(out.float(), expected, atol=0.05)
    for mine, full in zip(gradients(out, layer, x), expected_gradients, strict=True):
        assert mine.dtype == torch.float32 and torch.allclose(mine, full, atol=0.1)
    low = layer.bfloat16()
    assert torch.allclose(low(x.bfloat16()).float(), expected, atol=0.05)


def test_weights_start_as_those_of_a_convolution():
    torch.manual_seed(0)
    layer = LocallyConnected2d(4, 8, 3, 12)
    convolution = nn.Conv2d(4, 800, 3)
    assert layer.weight.std().item() == pytest.approx(convolution.weight.std().item(), rel=0.03)
    assert layer.weight.abs().max() <= 1 / math.sqrt(36) and layer.bias.abs().max() <= 1 / math.sqrt(36)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 3, 3, 8), "in_channels 0 must be at least 1"),
        ((3, 3, 0, 8), "kernel_size 0 must be at least 1"),
        ((3, 3, 9, (8, 12)), r"input_size is \(8, 12\); expected \(height, width\) of at least 9"),
    ],
)
def test_bad_sizes_are_refused(arguments: tuple, message: str):
    with pytest.raises(ValueError, match=message):
        LocallyConnected2d(*arguments)


def test_bad_inputs_are_refused():
    layer = LocallyConnected2d(2, 3, 3, (6, 7))
    with pytest.raises(ValueError, match=r"shape \(1, 2, 7, 6\); expected \(N, 2, 6, 7\): .* belong to positions"):
        layer(torch.zeros(1, 2, 7, 6))
    with pytest.raises(TypeError, match=r"the input is torch.float64 and the weights are torch.float32"):
        layer(torch.zeros(1, 2, 6, 7, dtype=torch.float64))
