"""A trained network's faster equal, for embedding many images: fewer passes over memory, the same numbers to 1e-5.

In evaluation mode batch norm is a scale and a shift of each channel, which the convolution before it can take over
(Jacob et al. 2018, arXiv 1712.05877, section 3.2); the activation behind it needs no pass of its own either.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from course_lib.pointwise import PointwiseConv

CLOSE = 1e-5  # of the largest number in the embeddings: how far the faster network may be off
# glibc keeps blocks up to this size for the next who asks; larger ones go back to the system when they are freed, and
# are mapped anew, page by page. So a batch's largest activation stays below it.
ACTIVATION_BYTES = 32 * 2**20
BATCH_SIZES = (256, 128, 64, 32, 16, 8)
CONVOLUTIONS = (nn.Conv2d, PointwiseConv)  # these and no heirs of theirs: they might do more than multiply

# The activations that oneDNN computes inside a convolution: its name for them, and their parameters.
ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}


def folded(model: nn.Module) -> nn.Module:
    """A copy in float32 in which each batch norm right after a convolution, in one ``nn.Sequential``, has joined it.

    Raises:
        ValueError: the model is in training mode, whose batch norms depend on the batch.
    """
    if model.training:
        raise ValueError("the model is in training mode; call model.eval() first")
    model = deepcopy(model).float()
    _fold(module for module in model.modules() if isinstance(module, nn.Sequential))
    return model


def has_hooks(network: nn.Module) -> bool:
    """Whether someone watches what goes through its modules, and so must see each image once, and these modules."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


def for_inference(backbone: nn.Module, example: Tensor) -> nn.Module:
    """A network that embeds as ``backbone`` does now, but faster; or ``backbone`` itself, which is never changed.

    Batch norms are folded and, in float32 on a CPU with oneDNN, activations computed inside the convolutions. The copy
    is given back only if it gives the same embeddings of ``example``, to 1e-5 of the largest number. Where ``backbone``
    holds hooks, whose owners wait for its own modules, or cannot be copied, it is given back itself.

    Args:
        backbone: in evaluation mode.
        example: some images (N, C, H, W) float, as ``backbone`` takes them, on its device.
    """
    if has_hooks(backbone):
        return backbone
    try:
        copy = folded(backbone)
    except (TypeError, RuntimeError, AttributeError):  # it holds what cannot be copied, such as an interpreter
        return backbone
    with torch.inference_mode():
        _fold(module for module in copy.modules() if len(module._modules) == 2)  # as torchvision's convolutions are
        if hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
            _fuse_activations(copy)
        copy = copy.to(memory_format=torch.channels_last)
        expected, found = backbone(example), copy(example)
    return copy if (found - expected).abs().max() <= CLOSE * expected.abs().max() else backbone


def batch_size_for(network: nn.Module, example: Tensor) -> int:
    """How many images at a time keep the largest output of a module, in bytes, below what memory is kept for: 8 to 256.

    Args:
        network: in evaluation mode.
        example: some images (N, C, H, W) float, as the network takes them, on its device.
    """
    sizes = [example[0].nbytes]

    def note(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.nbytes // len(example))

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    try:
        with torch.inference_mode():
            network(example)
    finally:
        for hook in hooks:
            hook.remove()
    return next((size for size in BATCH_SIZES if size * max(sizes) <= ACTIVATION_BYTES), BATCH_SIZES[-1])


class _FusedConv(nn.Module):
    """A convolution and its activation in one call of oneDNN, as PyTorch's own compiler makes it; no gradients."""

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        shape = (convolution.padding, convolution.stride, convolution.dilation, convolution.groups)
        self.how = (*shape, *ACTIVATIONS[type(activation)], "")

    def forward(self, images: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(images, self.weight, self.bias, *self.how)


def _fold(owners: Iterable[nn.Module]) -> None:
    """Join each convolution with the batch norm that was registered right after it in the same module."""
    for owner in list(owners):
        for (first, convolution), (second, norm) in pairwise(owner._modules.items()):
            if type(convolution) in CONVOLUTIONS and isinstance(norm, nn.BatchNorm2d):
                setattr(owner, first, fuse_conv_bn_eval(convolution, norm))
                setattr(owner, second, nn.Identity())


def _fuse_activations(model: nn.Module) -> None:
    """Make one of each convolution and the activation that follows it in an ``nn.Sequential``."""
    for block in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for index, layer in enumerate(block):
            behind = next((i for i in range(index + 1, len(block)) if type(block[i]) is not nn.Identity), None)
            if behind is not None and type(block[behind]) in ACTIVATIONS and _is_fusable(layer):
                block[index], block[behind] = _FusedConv(layer, block[behind]), nn.Identity()


def _is_fusable(layer: nn.Module) -> bool:
    """Whether it is a convolution that oneDNN takes as it is: in float32 on the CPU, padded by numbers with zeros."""
    if type(layer) not in CONVOLUTIONS or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        return False
    return layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32
