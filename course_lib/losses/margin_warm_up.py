"""Warming a margin up, so that a network learns from few images or few classes before the margin bites."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.losses.base import Loss
from course_lib.losses.margin_softmax import MarginSoftmax
from course_lib.losses.sphereface import SphereFace


def margin_schedule(criterion: MarginSoftmax, steps: int) -> MarginSchedule:
    """The criterion with a margin that grows from 0 over ``steps`` training batches: see ``MarginSchedule``."""
    return MarginSchedule(criterion, steps)


class MarginSchedule(nn.Module):
    """A margin criterion whose margin grows from 0 to its value over ``steps`` training batches, in equal steps.

    ``margin_schedule(ArcFace(128, 40), steps=500)`` is called as the criterion itself: embeddings (N, D) float, labels
    (N,) int64 -> ``Loss``. The first batch has no margin, which is softmax over scaled cosines; all from number
    ``steps`` on have the whole. For so many epochs, give the epochs times the batches of one.

    Args:
        criterion: a ``CosFace``, ``ArcFace``, ``CombinedMargin`` or ``MagFace``.
        steps: at least 1.

    ``step``, a buffer (int64 scalar, in the state dict), counts the calls in training mode, so that a resumed run goes
    on where it was. An optimizer that looks at a batch twice must put buffers back, as ``course_lib.optim.SAM`` does.

    Raises ``TypeError`` for another criterion; ``SphereFace`` has its own annealing.
    """

    step: Tensor

    def __init__(self, criterion: MarginSoftmax, steps: int) -> None:
        super().__init__()
        if isinstance(criterion, SphereFace) or not isinstance(criterion, MarginSoftmax):
            raise TypeError(
                f"{type(criterion).__name__} has no margin to schedule; expected CosFace, ArcFace, CombinedMargin or "
                "MagFace (SphereFace anneals its own, and CenterLoss takes a schedule as its classifier)"
            )
        if not steps >= 1:
            raise ValueError(f"steps is {steps}; expected the number of training batches, at least 1")
        self.criterion = criterion
        self.steps = steps
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    @property
    def n_classes(self) -> int:
        """The criterion's."""
        return self.criterion.n_classes

    def extra_repr(self) -> str:
        return f"steps={self.steps}"

    @property
    def fraction(self) -> Tensor:
        """The share of the margin that applies now, a scalar from 0 to 1."""
        return (self.step / self.steps).clamp(max=1)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """The criterion's loss with the margin of now; in training mode the batch is then counted."""
        self.criterion.margin_fraction = self.fraction
        loss = self.criterion(embeddings, labels)
        if self.training:
            self.step += 1
        return loss
