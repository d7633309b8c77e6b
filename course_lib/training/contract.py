"""What ``fit`` asks of what it is given, before it begins: labels that the criterion knows, batches that batch norm can
average over, and an optimizer that holds every parameter and records each batch once."""

from __future__ import annotations

from numbers import Integral

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from course_lib.data import ImageSet
from course_lib.training.batches import Batches


def check_parameters(optimizer: Optimizer, backbone: nn.Module, criterion: nn.Module) -> None:
    """Raise ``ValueError`` for a parameter that would never be trained."""
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    for owner, module in (("backbone", backbone), ("criterion", criterion)):
        for name, parameter in module.named_parameters():
            if parameter.requires_grad and id(parameter) not in held:
                raise ValueError(
                    f"the optimizer does not hold {owner}.{name}, so it would never be trained; give it "
                    "[*backbone.parameters(), *criterion.parameters()], or freeze it with requires_grad_(False)"
                )


def check_counts(epochs: int, checkpoint_every: int | None) -> None:
    """Raise ``ValueError`` unless ``epochs`` is a whole number from 0 and ``checkpoint_every``, if given, from 1."""
    for name, value, least in (("epochs", epochs, 0), ("checkpoint_every", checkpoint_every, 1)):
        if value is not None and (not isinstance(value, Integral) or value < least):
            raise ValueError(f"{name} is {value}; expected at least {least}, a whole number")


def check_labels(criterion: nn.Module, images: ImageSet) -> None:
    """Raise ``ValueError`` for a label that the criterion, by its attribute ``n_classes``, has no class for.

    A criterion that does not say how many it has is let pass, and so is one inside another that does not say it for
    it: it may be given labels of its own. On a GPU such a label would end every later work of the process.
    """
    n_classes = getattr(criterion, "n_classes", None)
    if isinstance(n_classes, int) and int(images.labels.max()) >= n_classes:
        index = int((images.labels >= n_classes).nonzero()[0])
        raise ValueError(
            f"image {index} has the label {int(images.labels[index])}, and the criterion, {type(criterion).__name__}, "
            f"has {n_classes} classes, 0..{n_classes - 1}; make it with n_classes={images.n_classes}"
        )


@torch.no_grad()
def check_batch_norm(backbone: nn.Module, batches: Batches, device: torch.device) -> None:
    """Raise ``ValueError`` where batch norm would average over one number: one image a batch, on a map of one pixel.

    PyTorch refuses that too, in the middle of the work. One image is looked at in evaluation mode, which changes
    nothing.
    """
    _, chosen = batches.indices(0).shape
    norms = [(name, module) for name, module in backbone.named_modules() if isinstance(module, _BatchNorm)]
    norms = [(name, norm) for name, norm in norms if not isinstance(norm, nn.SyncBatchNorm)]
    if chosen > batches.world_size or not norms:
        return
    lonely: list[str] = []

    def note(name: str):  # noqa: ANN202 - a hook
        def hook(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if norm.training and inputs[0].numel() == inputs[0].shape[1]:
                lonely.append(name)
            norm.eval()

        return hook

    was_training = backbone.training
    backbone.train()
    trained = [norm for _, norm in norms if norm.training]
    backbone.eval()
    for norm in trained:  # a hook of the backbone may still hold some of them in evaluation mode, as ``frozen`` does
        norm.train()
    hooks = [norm.register_forward_pre_hook(note(name)) for name, norm in norms]
    try:
        backbone(next(batches.epoch(0))[1].to(device))
    finally:
        backbone.train(was_training)
        for hook in hooks:
            hook.remove()
    if lonely:
        raise ValueError(
            f"a batch has one image (batch_size {batches.batch_size}, {len(batches.images)} images, "
            f"{batches.world_size} processes), and backbone.{lonely[0]}, a batch norm, cannot tell a mean from one "
            "number. Give a batch_size of at least 2 for each process, and as many images"
        )


def records(backbone: nn.Module, criterion: nn.Module) -> dict[str, Tensor]:
    """A copy of all buffers, by name: running statistics, centers, counters."""
    return {name: buffer.clone() for name, buffer in _buffers(backbone, criterion).items()}


def check_recorded_once(recorded: dict[str, Tensor], backbone: nn.Module, criterion: nn.Module) -> None:
    """Raise ``ValueError`` if a buffer is not what ``records`` found after the optimizer's first look at the batch."""
    now = _buffers(backbone, criterion)
    for name, buffer in recorded.items():
        if not torch.equal(now[name], buffer):
            raise ValueError(
                f"the optimizer called the closure more than once, and {name} moved each time, as if there had been "
                "another batch. Let the optimizer hold the buffers in all calls but the first: "
                "course_lib.optim.SAM does with module=[backbone, criterion]"
            )


def _buffers(backbone: nn.Module, criterion: nn.Module) -> dict[str, Tensor]:
    owners = (("backbone", backbone), ("criterion", criterion))
    return {f"{owner}.{name}": buffer for owner, module in owners for name, buffer in module.named_buffers()}
