"""The building blocks that the backbones share: convolution units, bottlenecks and the input check."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def activation_layer(name: str, channels: int) -> nn.Module:
    """The nonlinearity after a convolution: ``"prelu"`` (one learned slope per channel), ``"relu"``, or ``"linear"``
    for none."""
    layers = {"prelu": lambda: nn.PReLU(channels), "relu": lambda: nn.ReLU(inplace=True), "linear": nn.Identity}
    if name not in layers:
        raise ValueError(f"activation {name!r} is not known; expected one of {', '.join(sorted(layers))}")
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


class InvertedBottleneck(nn.Module):
    """Expand by 1x1, filter by depthwise 3x3, project by linear 1x1; identity shortcut where the shape is kept.

    (N, in, H, W) -> (N, out, H/stride, W/stride). Source: MobileNetV2 (Sandler et al. 2018), section 3.3; with PReLU
    as in MobileFaceNet (Chen et al. 2018), section 3.3. ``expansion`` multiplies the block's *input* channels.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, expansion: int, stride: int, activation: str = "prelu"
    ) -> None:
        super().__init__()
        hidden = expansion * in_channels
        self.has_shortcut = stride == 1 and in_channels == out_channels
        self.expand = ConvUnit(in_channels, hidden, 1, activation=activation)
        self.depthwise = ConvUnit(hidden, hidden, 3, stride=stride, groups=hidden, activation=activation)
        self.project = ConvUnit(hidden, out_channels, 1, activation="linear")

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.depthwise(self.expand(x)))
        return x + out if self.has_shortcut else out


class GlobalDepthwiseConv(ConvUnit):
    """One learned weight for every position of every channel, in place of average pooling: (N, C, H, W) -> (N, C, 1,
    1).

    Source: MobileFaceNet (Chen et al. 2018), section 3.2: an aligned face's centre tells more than its corners.
    """

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__(channels, channels, size, padding=0, groups=channels, activation="linear")


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
