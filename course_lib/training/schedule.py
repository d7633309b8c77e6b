"""When a schedule steps: after every batch; one that waits for a plateau, after every epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
)

from course_lib.training.history import History

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def step_after_batch(schedule: LRScheduler | None) -> None:
    """Step any schedule but a plateau's."""
    if schedule is not None and not isinstance(schedule, ReduceLROnPlateau):
        schedule.step()


def step_after_epoch(schedule: LRScheduler | None, history: History, fabric: Fabric) -> None:
    """Step a plateau's schedule with the last value of the history's column that its attribute ``monitor`` names.

    Without that attribute, as PyTorch makes it, the column is ``loss``. The value is averaged over the processes, so
    that all keep the same learning rate. Raises ``KeyError`` for a column that the history does not have.
    """
    if isinstance(schedule, ReduceLROnPlateau):
        value = torch.tensor(float(history[getattr(schedule, "monitor", "loss")][-1]))
        schedule.step(float(fabric.all_reduce(value, reduce_op="mean")))


def check_length(schedule: LRScheduler | None, epochs: int, steps_per_epoch: int) -> None:
    """Raise ValueError where a schedule is over before the training is: the rate would stay at zero, or rise again."""
    length = steps_of(schedule)
    if length is not None and length < epochs * steps_per_epoch:
        raise ValueError(
            f"the schedule, {type(schedule).__name__}, ends after {length} steps; {epochs} epochs of {steps_per_epoch} "
            f"batches take {epochs * steps_per_epoch}. Make it for as many, or train fewer epochs"
        )


def steps_of(schedule: LRScheduler | None) -> int | None:
    """After how many steps a schedule is over; None for one that goes on for ever, or that is not known here.

    ``LinearLR`` is over where it falls to zero; one that warms up, or falls to a rate that still trains, stays there.
    """
    if isinstance(schedule, ChainedScheduler):  # the parts' factors are multiplied: one of zero is enough
        return min((length for length in map(steps_of, schedule._schedulers) if length is not None), default=None)
    if isinstance(schedule, SequentialLR):
        last = steps_of(schedule._schedulers[-1])
        return None if last is None else last + schedule._milestones[-1]
    for kind, length in ((CosineAnnealingLR, "T_max"), (PolynomialLR, "total_iters"), (OneCycleLR, "total_steps")):
        if isinstance(schedule, kind):
            return getattr(schedule, length)
    if isinstance(schedule, LinearLR) and schedule.end_factor == 0:
        return schedule.total_iters
    return None
