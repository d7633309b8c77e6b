"""A locally connected layer: a convolution whose weights are shared by no position (Taigman et al. 2014, section
2.2)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from course_lib.backbones.blocks import check_at_least_one, check_input_size

# Of windows that are cut at a time: what the second cache of a core holds, or nearly.
CACHE_BYTES = 1_250_000


class LocallyConnected2d(nn.Module):
    """A convolution with a kernel of its own at every position: (N, C_in, H, W) -> (N, C_out, H_out, W_out).

    No padding: H_out = (H - kernel_size) // stride + 1. Source: DeepFace (Taigman et al. 2014), section 2.2: the
    regions of an aligned face differ in what they show, so nothing is gained by one filter for all of them.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: side of the square window.
        input_size: (H, W), or one number for a square: the weights belong to positions, so the size is fixed.
        stride: step between windows.
        bias: add one number per output: C_out * H_out * W_out of them.

    Attributes:
        output_size: (H_out, W_out).
        weight: (H_out * W_out, kernel_size * kernel_size * C_in, C_out): per position, row by row, a matrix whose rows
            run over the window's rows, its columns, and the channels, in that order.
        bias: (C_out, H_out, W_out), or None.

    Raises:
        ValueError: a size is below 1, or the window does not fit; ``forward`` raises it for another shape.
        TypeError: from ``forward``, for another dtype than that of the weights, outside autocast.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        input_size: int | tuple[int, int],
        *,
        stride: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check_at_least_one(in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size, stride=stride)
        self.input_size = check_input_size(input_size, kernel_size)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = kernel_size, stride
        self.output_size = tuple((side - kernel_size) // stride + 1 for side in self.input_size)
        # Three dimensions, so that no change of the memory format can tear the matrices apart.
        self.weight = nn.Parameter(torch.empty(math.prod(self.output_size), kernel_size**2 * in_channels, out_channels))
        self.bias = nn.Parameter(torch.empty(out_channels, *self.output_size)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and biases as ``nn.Conv2d`` does, by the number of inputs of one output."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or tuple(x.shape[1:]) != (self.in_channels, *self.input_size):
            raise ValueError(
                f"the input has shape {tuple(x.shape)}; expected (N, {self.in_channels}, {self.input_size[0]}, "
                f"{self.input_size[1]}): the weights of a locally connected layer belong to positions"
            )
        device = x.device.type
        if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
            x = x.to(torch.get_autocast_dtype(device))
        elif x.dtype != self.weight.dtype:
            raise TypeError(f"the input is {x.dtype} and the weights are {self.weight.dtype}; cast one of them")
        weight = self.weight.unflatten(0, self.output_size)
        out = _LocallyConnected.apply(x, weight, self.kernel_size, self.stride)
        return out if self.bias is None else out + self.bias.to(out.dtype)

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, input_size={self.input_size}, "
            f"stride={self.stride}, bias={self.bias is not None}"
        )


class _LocallyConnected(torch.autograd.Function):
    """One matrix product per position, some positions of a row at a time; weights (H_out, W_out, k * k * C_in, C_out).

    The weights are many times the images, and moving them is most of the time: they are read once in each direction,
    where they lie, and their gradient is written once. The windows of all positions together would be as large at a
    batch of C_out images. A few at a time stay in the processor's cache, and are cut again in the backward pass. The
    batch comes last in memory, so that windows are cut in long runs.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, kernel_size: int, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = kernel_size, stride
        windows = _windows(x, kernel_size, stride)
        products = [  # (positions, C_out, N) each
            torch.bmm(weight[i, columns].mT.to(x.dtype), _matrices(windows[i, columns]))
            for i, columns in _positions(x, weight)
        ]
        out = torch.cat(products).view(*weight.shape[:2], weight.shape[3], x.shape[0])
        return out.permute(3, 2, 0, 1)  # (N, C_out, H_out, W_out)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradient.permute(2, 3, 1, 0).contiguous()  # (H_out, W_out, C_out, N)
        needs_x, needs_weight, *_ = ctx.needs_input_grad
        return (
            _input_gradient(gradient, x, weight, *ctx.geometry) if needs_x else None,
            _weight_gradient(gradient, x, weight, *ctx.geometry) if needs_weight else None,
            None,
            None,
        )


def _positions(x: Tensor, weight: Tensor) -> Iterator[tuple[int, slice]]:
    """All positions, as parts of rows whose windows fit in ``CACHE_BYTES``.

    Whole rows while a graph is exported: how many fit depends on the batch, which the graph leaves open.
    """
    rows, columns, inputs, _ = weight.shape
    parts = 1
    if not torch.compiler.is_exporting():
        row_bytes = columns * inputs * x.shape[0] * x.element_size()
        parts = min(columns, max(1, math.ceil(row_bytes / CACHE_BYTES)))
    edges = [part * columns // parts for part in range(parts + 1)]
    for i in range(rows):
        for start, stop in zip(edges[:-1], edges[1:], strict=True):
            yield i, slice(start, stop)


def _windows(x: Tensor, kernel_size: int, stride: int) -> Tensor:
    """A view of (N, C, H, W), copied with the batch last, as windows (H_out, W_out, k, k, C, N)."""
    x = x.permute(2, 3, 1, 0).contiguous()  # (H, W, C, N)
    return x.unfold(0, kernel_size, stride).unfold(1, kernel_size, stride).permute(0, 1, 4, 5, 2, 3)


def _matrices(windows: Tensor) -> Tensor:
    """Windows (positions, k, k, C, N), copied to matrices (positions, k * k * C, N)."""
    return windows.flatten(1, 3)


def _weight_gradient(gradient: Tensor, x: Tensor, weight: Tensor, kernel_size: int, stride: int) -> Tensor:
    windows = _windows(x, kernel_size, stride)
    result = torch.empty_like(weight)
    for i, columns in _positions(x, weight):
        factors = _matrices(windows[i, columns]), gradient[i, columns].mT
        if x.dtype == weight.dtype:
            torch.bmm(*factors, out=result[i, columns])
        else:  # under autocast
            result[i, columns] = torch.bmm(*factors)
    return result


def _input_gradient(gradient: Tensor, x: Tensor, weight: Tensor, kernel_size: int, stride: int) -> Tensor:
    n, channels, height, width = x.shape
    result = x.new_zeros(height, width, channels, n)
    for i, columns in _positions(x, weight):
        windows = torch.bmm(weight[i, columns].to(x.dtype), gradient[i, columns])  # (positions, k * k * C, N)
        windows = windows.view(len(windows), kernel_size, kernel_size, channels, n).transpose(0, 1)
        rows = slice(i * stride, i * stride + kernel_size)
        for j in range(kernel_size):  # windows overlap, but their columns of one number do not
            first, last = (j + stride * column for column in (columns.start, columns.stop - 1))
            result[rows, first : last + 1 : stride] += windows[:, :, j]
    return result.permute(3, 2, 0, 1)  # (N, C, H, W)
