"""The building blocks that the backbones share: convolution units, bottlenecks, checks of what they are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.functional import pad


class _PReLU(Function):
    """PReLU whose gradient is built from vectorised operations; PyTorch's own kernel takes the elements one by one."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, slopes: Tensor) -> Tensor:
        return torch.prelu(x, slopes)

    @staticmethod
    def setup_context(ctx: Function, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Function, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, slopes = ctx.saved_tensors
        x = x.to(grad.dtype)  # autocast may have lowered the output
        where_positive = torch.ops.aten.threshold_backward(grad, x, 0)
        elsewhere = grad - where_positive
        all_but_channels = [dim for dim in range(x.ndim) if dim != 1]
        slopes_grad = (elsewhere * x).sum(all_but_channels, dtype=slopes.dtype)
        per_channel = slopes.to(grad.dtype).view(-1, *[1] * (x.ndim - 2))
        return where_positive.addcmul_(elsewhere, per_channel), slopes_grad


class PReLU(nn.PReLU):
    """``nn.PReLU`` with one slope per channel, (N, C, ...) -> (N, C, ...), which trains faster on a CPU.

    Same parameters, same values and same gradients. Off the CPU, compiled, or exported it is PyTorch's own operation.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)

    def forward(self, x: Tensor) -> Tensor:
        is_eager = not torch.compiler.is_compiling()
        if is_eager and x.is_cpu and torch.is_grad_enabled():
            return _PReLU.apply(x, self.weight)
        return super().forward(x)


def activation_layer(name: str, channels: int) -> nn.Module:
    """The nonlinearity after a convolution: ``"prelu"`` (one learned slope per channel), ``"relu"``, ``"relu6"`` (cut
    off at 6), or ``"linear"`` for none."""
    layers = {
        "prelu": lambda: PReLU(channels),
        "relu": lambda: nn.ReLU(inplace=True),
        "relu6": lambda: nn.ReLU6(inplace=True),
        "linear": nn.Identity,
    }
    check_choice(activation=(name, layers))
    return layers[name]()


class ConvUnit(nn.Sequential):
    """Convolution without bias, batch norm, activation: (N, in, H, W) -> (N, out, H/stride, W/stride).

    Same padding for odd kernels by default; ``groups=in_channels`` makes it depthwise.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        activation: str = "prelu",
    ) -> None:
        if padding is None:
            if not isinstance(kernel, int):
                raise ValueError(f"padding must be given for the kernel {kernel}; only a square one has a default")
            padding = kernel // 2
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(out_channels),
            activation_layer(activation, out_channels),
        )


class TensorFlowConvUnit(ConvUnit):
    """``ConvUnit`` as TensorFlow's networks have it: "same" padding, and batch norm with an epsilon of 1e-3.

    (N, in, H, W) -> (N, out, ceil(H/stride), ceil(W/stride)), for odd kernels. "Same" pads no more than the last
    window needs, and where that is an odd number of pixels, the one left over comes behind the image: an even side of
    112 at stride 2 gets (0, 1) for a kernel of 3 and (1, 2) for one of 5, where ``ConvUnit`` has (1, 1) and (2, 2).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: str = "relu6",
    ) -> None:
        # At stride 1 both sides get the same, which the convolution does itself.
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(
            in_channels, out_channels, kernel, stride=stride, padding=padding, groups=groups, activation=activation
        )
        self[1].eps = 1e-3
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            return super().forward(x)
        missing = [max((math.ceil(n / self.stride) - 1) * self.stride + self.kernel - n, 0) for n in x.shape[-2:]]
        top, left = (total // 2 for total in missing)
        return super().forward(pad(x, (left, missing[1] - left, top, missing[0] - top)))


class SeparableConv(nn.Sequential):
    """A convolution in two: depthwise 3x3 over space, then 1x1 over channels.

    (N, in, H, W) -> (N, out, H/stride, W/stride). Source: MobileNets (Howard et al. 2017), section 3.1.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1, activation: str = "relu") -> None:
        super().__init__(
            ConvUnit(in_channels, in_channels, 3, stride=stride, groups=in_channels, activation=activation),
            ConvUnit(in_channels, out_channels, 1, activation=activation),
        )


class InvertedBottleneck(nn.Module):
    """Expand by 1x1, filter by depthwise 3x3, project by linear 1x1; identity shortcut where the shape is kept.

    (N, in, H, W) -> (N, out, H/stride, W/stride). Source: MobileNetV2 (Sandler et al. 2018), section 3.3; with PReLU
    as in MobileFaceNet (Chen et al. 2018), section 3.3.

    Args:
        in_channels, out_channels: of the block.
        expansion: multiplies the block's *input* channels, rounded.
        stride: of the depthwise convolution.
        activation: after the first two convolutions.
        shortcut: False leaves the identity out everywhere.
        always_expand: False leaves the first 1x1 out where it would not expand, as MobileNetV2 does.
        kernel: of the depthwise convolution, 3 in both papers.
        unit: what the three convolutions are made of.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        expansion: float,
        stride: int,
        activation: str = "prelu",
        shortcut: bool = True,
        always_expand: bool = True,
        kernel: int = 3,
        unit: type[ConvUnit] = ConvUnit,
    ) -> None:
        super().__init__()
        hidden = scaled_by(expansion)(in_channels)
        self.has_shortcut = shortcut and stride == 1 and in_channels == out_channels
        is_expanded = always_expand or hidden != in_channels
        self.expand = unit(in_channels, hidden, 1, activation=activation) if is_expanded else nn.Identity()
        self.depthwise = unit(hidden, hidden, kernel, stride=stride, groups=hidden, activation=activation)
        self.project = unit(hidden, out_channels, 1, activation="linear")

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.depthwise(self.expand(x)))
        return x + out if self.has_shortcut else out


def inverted_bottlenecks(
    in_channels: int,
    rows: Iterable[tuple[float, int, int, int]],
    *,
    scaled: Callable[[int], int] = int,
    **options: object,
) -> nn.Sequential:
    """The bottlenecks of a paper's table, one after the other; only the first of a row has its stride.

    Args:
        in_channels: of the first block, as built.
        rows: (t, c, n, s): expansion of a block's input, output channels, repeats, stride.
        scaled: from the table's channels to those that are built.
        **options: of every ``InvertedBottleneck``.
    """
    blocks = nn.Sequential()
    for t, c, n, s in rows:
        for repeat in range(n):
            stride = s if repeat == 0 else 1
            blocks.append(InvertedBottleneck(in_channels, scaled(c), expansion=t, stride=stride, **options))
            in_channels = scaled(c)
    return blocks


class GlobalDepthwiseConv(ConvUnit):
    """One learned weight for every position of every channel, in place of average pooling: (N, C, H, W) -> (N, C, 1,
    1).

    Source: MobileFaceNet (Chen et al. 2018), section 3.2: an aligned face's centre tells more than its corners.
    """

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__(channels, channels, size, padding=0, groups=channels, activation="linear")


def global_average_pool() -> nn.Sequential:
    """The mean of every channel: (N, C, H, W) -> (N, C)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def scaled_by(factor: float) -> Callable[[int], int]:
    """From channels to ``factor`` times as many: rounded, at least 1."""
    return lambda channels: max(1, round(factor * channels))


def rounded_to_eight(channels: float) -> int:
    """Channels as MobileNetV2 rounds them: to the nearest multiple of 8, at least 8, and never down by over 10 %."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def size_after(size: tuple[int, int], stride: int) -> tuple[int, int]:
    """(height, width) of the map after strides whose product is ``stride``, each of which rounds up."""
    return math.ceil(size[0] / stride), math.ceil(size[1] / stride)


def check_input_size(input_size: int | tuple[int, int], minimum: int) -> tuple[int, int]:
    """(height, width) from that or from one number for a square; ``ValueError`` where a side is below ``minimum``."""
    size = (input_size, input_size) if isinstance(input_size, int) else tuple(input_size)
    if len(size) != 2 or not all(isinstance(side, int) for side in size) or min(size) < minimum:
        raise ValueError(f"input_size is {size}; expected (height, width) of at least {minimum} pixels each")
    return size


def check_at_least_one(**counts: int | None) -> None:
    """Raise ``ValueError`` naming the count that is below 1: ``check_at_least_one(embedding_dim=0)``; None passes."""
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ValueError(f"{name} {count} must be at least 1")


def check_positive(**factors: float) -> None:
    """Raise ``ValueError`` naming the factor that is not a positive number: ``check_positive(width=-1)``."""
    for name, factor in factors.items():
        if not (math.isfinite(factor) and factor > 0):
            raise ValueError(f"{name} is {factor}; expected a positive number such as 0.5")


def check_choice(**choices: tuple[object, Collection]) -> None:
    """Raise ``ValueError`` where a value is not among its alternatives: ``check_choice(head=("gab", HEADS))``."""
    for name, (given, known) in choices.items():
        if given not in known:
            raise ValueError(f"{name} {given!r} is not known; expected one of {', '.join(map(str, sorted(known)))}")


def check_images(images: Tensor, channels: int, size: tuple[int, int]) -> None:
    """Raise ``ValueError`` unless ``images`` is a float (N, channels, *size) tensor."""
    expected = (channels, *size)
    if images.ndim != 4 or tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"images have shape {tuple(images.shape)}; this network expects (N, {channels}, {size[0]}, {size[1]}). "
            "Resize them, or create the network with other in_channels= or input_size="
        )
    if not torch.is_floating_point(images):
        raise TypeError(f"images are {images.dtype}; expected floats, as course_lib.data.normalise gives")
