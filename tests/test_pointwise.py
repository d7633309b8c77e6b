"""1x1 convolutions with a stride: the numbers of PyTorch's own, and no foreign memory is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_lib import backbones
from course_lib.pointwise import PointwiseConv, in_reach, out_of_reach

# glibc's own checks; where there is no such library the steps are still taken.
CHECKED = {"MALLOC_PERTURB_": "165", "MALLOC_CHECK_": "3", "LD_PRELOAD": "libc_malloc_debug.so.0"}


def whole_numbers(*shape: int, seed: int) -> Tensor:
    """Small enough that every sum of their products is exact in float32, in whatever order it is taken."""
    return torch.randint(-4, 5, shape, generator=torch.Generator().manual_seed(seed)).float()


@settings(max_examples=60)
@given(
    channels=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    stride=st.sampled_from([1, 2, 3, (1, 2), (2, 1)]),
    layout=st.sampled_from([torch.channels_last, torch.contiguous_format]),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_numbers_and_gradients_are_those_of_a_sum_over_channels(channels, size, stride, layout, bias, seed):
    layer = PointwiseConv(*channels, stride=stride, bias=bias)
    for number, parameter in enumerate(layer.parameters()):
        parameter.data.copy_(whole_numbers(*parameter.shape, seed=seed + number))
    layer.to(memory_format=layout)
    images = whole_numbers(2, channels[0], *size, seed=seed + 2).contiguous(memory_format=layout).requires_grad_()
    output = layer(images)
    rows, columns = stride if isinstance(stride, tuple) else (stride, stride)
    picked = images.detach()[:, :, ::rows, ::columns].double()
    matrix = layer.weight.detach()[:, :, 0, 0].double()
    expected = torch.einsum("nihw,oi->nohw", picked, matrix)
    assert torch.equal(output.double(), expected + layer.bias.detach().double()[:, None, None] if bias else expected)
    with torch.no_grad():
        assert torch.equal(layer(images), output)

    direction = whole_numbers(*output.shape, seed=seed + 3)
    output.backward(direction)
    of_pixels = torch.zeros(images.shape, dtype=torch.float64)
    of_pixels[:, :, ::rows, ::columns] = torch.einsum("nohw,oi->nihw", direction.double(), matrix)
    assert torch.equal(images.grad.double(), of_pixels)
    of_weights = torch.einsum("nohw,nihw->oi", direction.double(), picked)
    assert torch.equal(layer.weight.grad[:, :, 0, 0].double(), of_weights)


@pytest.mark.parametrize("shape", [(4, 64, 28, 28), (2, 64, 15, 12), (8, 16, 32, 32)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bits_of_the_output_are_pytorchs_and_gradients_theirs_to_rounding(shape: tuple, dtype: torch.dtype):
    torch.manual_seed(0)
    theirs = nn.Conv2d(shape[1], 32, 1, 2, bias=False).to(dtype, memory_format=torch.channels_last)
    ours = PointwiseConv(shape[1], 32, stride=2, bias=False).to(dtype, memory_format=torch.channels_last)
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(shape).to(dtype).contiguous(memory_format=torch.channels_last)
    both = []
    for layer in (theirs, ours):
        x = images.clone(memory_format=torch.preserve_format).requires_grad_()
        y = layer(x)
        y.float().square().sum().backward()
        both.append((y.detach(), x.grad, layer.weight.grad))
    (y, *gradients), (our_y, *our_gradients) = both
    assert torch.equal(y, our_y)
    for expected, found in zip(gradients, our_gradients, strict=True):
        assert found.stride() == expected.stride()
        tolerance = (1e-5 if dtype == torch.float32 else 2e-2) * float(expected.abs().max())
        torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def test_what_is_exported_is_pytorchs_own_convolution():
    program = torch.export.export(PointwiseConv(4, 8, stride=2), (torch.zeros(2, 4, 8, 8),))
    (operation,) = [node for node in program.graph.nodes if node.op == "call_function"]
    assert operation.target == torch.ops.aten.conv2d.default and list(operation.args[3]) == [2, 2]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(8, 16, 1, 2), True),
        (nn.Conv2d(15, 16, 1, (1, 2), padding="valid"), True),
        (PointwiseConv(8, 16, stride=2), True),
        (nn.Conv2d(16, 16, 1, 2), False),
        (nn.Conv2d(8, 16, 1), False),
        (nn.Conv2d(8, 16, 3, 2), False),
        (nn.Conv2d(8, 16, (1, 2), 2), False),
        (nn.Conv2d(8, 16, 1, 2, padding=1), False),
        (nn.Conv2d(8, 8, 1, 2, groups=8), False),
        (nn.Conv1d(8, 16, 1, 2), False),
    ],
)
def test_what_the_fault_reaches(layer: nn.Module, expected: bool):
    assert in_reach(nn.Sequential(layer)) == [layer] * expected


class Own(nn.Conv2d):
    """A convolution that does more; what, nobody knows."""


def test_only_pytorchs_own_are_changed_and_all_are_put_back():
    network = nn.Sequential(nn.Conv2d(8, 16, 1, 2), Own(8, 16, 1, 2), nn.Conv2d(8, 16, 3, 2))
    with pytest.raises(KeyError), out_of_reach(network):
        assert [type(layer) for layer in network] == [PointwiseConv, Own, nn.Conv2d]
        raise KeyError
    assert [type(layer) for layer in network] == [nn.Conv2d, Own, nn.Conv2d]


@pytest.mark.parametrize("name", backbones.available())
def test_no_backbone_has_another_strided_1x1_convolution(name: str):
    """Whatever its width: another version of oneDNN may reach further."""
    with torch.device("meta"):
        networks = backbones.create(name), backbones.create(name, **backbones._NETWORKS[name].small)
    for network in networks:
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1:
                assert layer.stride == (1, 1) or type(layer) is PointwiseConv


@pytest.mark.slow
def test_training_overwrites_no_foreign_memory():
    """In a process of its own, which the fault would end."""
    environment = os.environ | (CHECKED if sys.platform.startswith("linux") else {}) | {"TQDM_DISABLE": "1"}
    script = Path(__file__).with_name("narrow_training.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout.split("\n")[-2:]) == (0, ["done", ""]), done.stdout + done.stderr[-2000:]
