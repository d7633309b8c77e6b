"""Distillation by position: the student's embedding lies where the teacher's does."""

from __future__ import annotations

from torch import Tensor

from course_lib.losses.base import Loss
from course_lib.losses.taught import Taught, checked_table


class EmbeddingMSE(Taught):
    """The squared distance to the teacher's embedding: embeddings (N, D), image numbers (N,) -> ``Loss``.

    Per image it is the *sum* over the D numbers, as a squared distance is; then the mean over the batch. Code that
    takes the mean over D too divides by 128 or 512 and makes up for it with a weight of 100 (PocketNet, Boutros et al.
    2022, equation 3).

    Args:
        teacher: (M, D) float, one row an image.
        normalised: compare directions only, both at length one; it is then twice ``CosineDistillation``. False keeps
            the teacher's lengths, and the student has to learn these too.

    See ``Taught`` for the labels and the errors.
    """

    lengths: Tensor

    def __init__(self, teacher: Tensor, *, normalised: bool = True) -> None:
        super().__init__(teacher)
        self.normalised = normalised
        self.register_buffer("lengths", checked_table("teacher", teacher).norm(dim=1, keepdim=True), persistent=False)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, normalised={self.normalised}"

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Averaged over the batch."""
        unit, targets, logits = self.look_up(embeddings, labels)
        if self.normalised:
            distance = unit - targets
        else:
            distance = embeddings - targets * self.lengths[labels]
        loss = distance.square().sum(1).mean()
        return Loss(loss, {"mse": loss.detach()}, logits)
