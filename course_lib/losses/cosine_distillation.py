"""Distillation by direction: the student's embedding points where the teacher's does."""

from __future__ import annotations

from torch import Tensor

from course_lib.losses.base import Loss
from course_lib.losses.taught import Taught


class CosineDistillation(Taught):
    """The mean of 1 - cos(student, teacher): embeddings (N, D), image numbers (N,) -> ``Loss``.

    On the unit sphere this is half the squared distance, so it is ``EmbeddingMSE`` with normalised embeddings, halved.
    See ``Taught`` for the arguments and errors.
    """

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Averaged over the batch."""
        unit, targets, logits = self.look_up(embeddings, labels)
        loss = (1 - (unit * targets).sum(1)).mean()
        return Loss(loss, {"cosine": loss.detach()}, logits)
