"""1x1 convolutions with a stride, kept out of a fault of oneDNN, with which PyTorch computes on CPUs.

The backward pass of such a convolution from fewer than 16 channels, in channels last and float32, overwrites memory
that is not its own (oneDNN 3.12 of PyTorch 2.14; https://github.com/uxlfoundation/oneDNN/issues/6035): a crash on one
machine, on another nothing that anyone sees. ``python -m benchmarks strided_convolution`` finds how far it reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

SAFE_CHANNELS = 16  # from so many on: the floats in a register of AVX-512


class PointwiseConv(nn.Conv2d):
    """A 1x1 convolution: (N, in, H, W) -> (N, out, ceil(H/stride), ceil(W/stride)).

    The same numbers as those of ``nn.Conv2d(in, out, 1, stride, bias=bias)``. Where a gradient is wanted on a CPU, the
    pixels that the stride passes over are left out before, and not by, the convolution. Exported it is PyTorch's own.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 1, stride, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cpu and torch.is_grad_enabled() and not torch.compiler.is_exporting():
            # The mean of one pixel is that pixel. Slicing says the same, but its gradient is not channels last.
            return conv2d(avg_pool2d(x, 1, self.stride), self.weight, self.bias)
        return super().forward(x)


def in_reach(network: nn.Module) -> list[nn.Conv2d]:
    """The convolutions of a network that the fault reaches where nothing is done about it."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d) and _is_in_reach(module)]


@contextmanager
def out_of_reach(network: nn.Module) -> Iterator[None]:
    """Within it the ``nn.Conv2d`` of a network that the fault reaches compute as ``PointwiseConv`` do."""
    changed = [module for module in in_reach(network) if type(module) is nn.Conv2d]
    for module in changed:
        module.__class__ = PointwiseConv
    try:
        yield
    finally:
        for module in changed:
            module.__class__ = nn.Conv2d


def _is_in_reach(convolution: nn.Conv2d) -> bool:
    one_pixel = convolution.kernel_size == (1, 1) and convolution.padding in ((0, 0), "valid", "same")
    is_narrow = convolution.in_channels < SAFE_CHANNELS and convolution.groups == 1
    return one_pixel and is_narrow and convolution.stride != (1, 1)
