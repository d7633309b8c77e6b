"""Finding the first number that is not finite, so that a diverged run says where it broke."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NonFiniteError(ArithmeticError):
    """Training met NaN or infinity; the message names the step, the batch and the first tensor that holds it."""


@torch.no_grad()
def first_non_finite(backbone: nn.Module, criterion: nn.Module, images: Tensor, labels: Tensor) -> str:
    """Name the first non-finite tensor on the way from the batch to the loss, in the order of the computation.

    The order is: the images (the position in the batch is named), every parameter and buffer, the output of every
    module as it ran, the loss's parts; then the gradients, if there are any. Runs the networks once more on the batch.
    """
    bad = (~images.flatten(1).isfinite().all(1)).nonzero().flatten()
    if len(bad):
        return f"the input: image {int(bad[0])} of the batch"
    for owner, module in (("backbone", backbone), ("criterion", criterion)):
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if not _is_finite(tensor):
                return f"{owner}.{name}, before this step: the step before it was too large"
    outputs: list[str] = []

    def note(name: str):  # noqa: ANN202 - a hook
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and not _is_finite(output):
                outputs.append(f"the output of backbone.{name}" if name else "the embeddings")

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in backbone.named_modules()]
    try:
        loss = criterion(backbone(images).float(), labels)
    finally:
        for hook in hooks:
            hook.remove()
    if outputs:
        return outputs[0]
    for name, part in loss.parts.items():
        if not _is_finite(part):
            return f"the loss's part {name!r}"
    if not _is_finite(loss.total):
        return "the total loss, though its parts are finite"
    for owner, module in (("backbone", backbone), ("criterion", criterion)):
        for name, parameter in module.named_parameters():
            if parameter.grad is not None and not _is_finite(parameter.grad):
                return f"the gradient of {owner}.{name}"
    return "none on a second pass in float32: the training precision, or the gradient's norm, overflowed"


def _is_finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())
