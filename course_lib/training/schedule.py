"""When a schedule steps: after every batch; one that waits for a plateau, after every epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

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
