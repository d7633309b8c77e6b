"""What ``fit`` asks of an optimizer: that it holds every parameter, and that each batch is recorded once."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


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
