"""What a diagram calls a module, and in which colour it draws it: read off the module, whoever wrote it."""

from __future__ import annotations

import re

from torch import nn

from course_lib.backbones import LocallyConnected2d
from course_lib.backbones.blocks import GlobalDepthwiseConv

POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
LAYERS = (nn.Conv2d, nn.Linear, LocallyConnected2d, *POOLS)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.PReLU, nn.GELU, nn.SiLU, nn.Sigmoid)
# Of no effect on the numbers of one image, or on their order only.
SILENT = (nn.Identity, nn.Flatten, nn.Dropout)
# Blocks whose papers call them otherwise than the class.
TERMS = {
    "InvertedBottleneck": "inverted residual",
    "SeparableConv": "depthwise-separable convolution",
    "ImprovedResidual": "improved residual unit",
    "SelfAttention": "attention",
    "SqueezeExcitation": "squeeze and excitation",
    "_Residual": "Inception-ResNet block",
    "_Reduction": "reduction",
    "LocalResponseNorm": "local response normalisation",
    "BatchNorm1d": "batch norm",
    "BatchNorm2d": "batch norm",
}
INCEPTION = re.compile(r"Inception([A-E])")  # torchvision's blocks

CONVOLUTION, BLOCK, POOLING, DENSE, LOCAL, PLAIN = "#D3ECFA", "#BFDCEE", "#CCEBE0", "#FBE6BF", "#F6D9C8", "#ECECEC"


def core(module: nn.Module) -> nn.Module:
    """The only layer of a unit, such as a convolution with its batch norm and activation; otherwise the module."""
    layers = [part for part in module.modules() if isinstance(part, LAYERS)]
    return layers[0] if len(layers) == 1 else module


def is_attached(module: nn.Module) -> bool:
    """Whether a module is drawn with the layer before it: batch norm, an activation, dropout."""
    return isinstance(module, (*BATCH_NORMS, *ACTIVATIONS, *SILENT))


def label(module: nn.Module) -> str:
    """A module in the field's words: ``"3×3 depthwise convolution"``."""
    if isinstance(module, GlobalDepthwiseConv):
        return f"global depthwise convolution, {_kernel(module[0].kernel_size)}"
    layer = core(module)
    if isinstance(layer, nn.Conv2d):
        return _convolution(layer)
    if isinstance(layer, nn.Linear):
        return "fully connected"
    if isinstance(layer, LocallyConnected2d):
        return f"{_kernel(layer.kernel_size)} locally connected"
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return "global average pooling"
    if isinstance(layer, POOLS):
        return f"{_kernel(layer.kernel_size)} {'max' if isinstance(layer, nn.MaxPool2d) else 'average'} pooling"
    if isinstance(layer, ACTIVATIONS):
        return "sigmoid" if isinstance(layer, nn.Sigmoid) else type(layer).__name__
    return _block(module)


def colour(module: nn.Module) -> str:
    """A pale colour by kind of layer; the words say the same."""
    layer = core(module)
    kinds = {nn.Conv2d: CONVOLUTION, nn.Linear: DENSE, LocallyConnected2d: LOCAL} | dict.fromkeys(POOLS, POOLING)
    for kind, tint in kinds.items():
        if isinstance(layer, kind):
            return tint
    return BLOCK if any(isinstance(part, LAYERS) for part in module.modules()) else PLAIN


def stride(module: nn.Module) -> int:
    """The largest stride of a module's layers; 1 where none has any."""
    strides = [part.stride for part in module.modules() if isinstance(part, LAYERS) and hasattr(part, "stride")]
    return max((side if isinstance(side, int) else side[0] for side in strides), default=1)


def size(shape: tuple[int, ...]) -> str:
    """A shape without the batch: ``"64 × 28 × 28"``; the sides of a map of one position are left out."""
    kept = shape[:1] if len(shape) == 3 and shape[1:] == (1, 1) else shape
    return " × ".join(map(str, kept))


def short(number: int) -> str:
    """``"8,320"``, ``"1.00 million"``, ``"12.1 billion"``: all digits below a million, three from there on."""
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if number >= unit:
            return f"{number / unit:#.3g} {name}".replace(". ", " ")
    return f"{number:,}"


def _kernel(sides: int | tuple[int, ...]) -> str:
    return "×".join(map(str, (sides, sides) if isinstance(sides, int) else sides))


def _convolution(layer: nn.Conv2d) -> str:
    kind = "convolution"
    if layer.groups > 1:
        is_depthwise = layer.groups == layer.in_channels
        kind = "depthwise convolution" if is_depthwise else f"convolution in {layer.groups} groups"
    return f"{_kernel(layer.kernel_size)} {kind}"


def _block(module: nn.Module) -> str:
    """The name of a block, with what its table gives beside channels and stride."""
    name = type(module).__name__
    if found := INCEPTION.fullmatch(name):
        return f"Inception block {found[1]}"
    words = TERMS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip("_")).lower()
    if name == "InvertedBottleneck":
        return f"{words}, t = {_expansion(module):g}"
    if hasattr(module, "scale"):
        return f"{words}, scale {module.scale:g}"
    if any(type(part).__name__ == "SqueezeExcitation" for part in module.children() for part in part.modules()):
        return f"{words} with SE"
    heads = [part.heads for part in module.modules() if hasattr(part, "heads")]
    return f"{words}, {heads[0]} heads" if heads else words


def _expansion(block: nn.Module) -> float:
    hidden = block.depthwise[0].out_channels
    return hidden / block.expand[0].in_channels if len(list(block.expand.children())) else 1
