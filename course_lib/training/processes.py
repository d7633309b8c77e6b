"""What the processes of one run must agree on: each sees its share of the images, and must decide as the others do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from course_lib.training.history import as_number

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def mean_over_processes(fabric: Fabric, values: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers among ``values``, each as its mean over all processes; the same bits in all. The rest stays.

    A tensor or an array of one number is a number too: what is decided by it has to be decided alike in all.

    Raises TypeError where they are no numbers by name, and ValueError where the processes do not have the same names.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"evaluate returned a {type(values).__name__}; expected a dict of numbers by name")
    if fabric.world_size == 1:
        return dict(values)
    numbers = {name: as_number(value) for name, value in values.items()}
    own = {name: number for name, number in numbers.items() if number is not None}
    everyone: list[dict[str, float]] = [{}] * fabric.world_size
    torch.distributed.all_gather_object(everyone, own)
    if any(theirs.keys() != own.keys() for theirs in everyone):
        told = "; ".join(f"process {rank}: {', '.join(theirs) or 'none'}" for rank, theirs in enumerate(everyone))
        raise ValueError(f"the processes measured different things ({told}); evaluate must return the same in all")
    return {**values, **{name: sum(theirs[name] for theirs in everyone) / len(everyone) for name in own}}


def share_buffers(fabric: Fabric, *modules: nn.Module) -> None:
    """Give all processes the same buffers, such as batch norm's statistics: means of numbers, counts of the first."""
    if fabric.world_size == 1:
        return
    for buffer in (buffer for module in modules for buffer in module.buffers()):
        if buffer.is_floating_point():
            buffer.copy_(fabric.all_reduce(buffer.clone(), reduce_op="mean"))
        else:
            buffer.copy_(fabric.broadcast(buffer.clone(), src=0))
