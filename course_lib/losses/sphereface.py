"""SphereFace: the target's angle must be smaller by a factor (Liu et al. 2017, CVPR)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.losses.base import Loss, check_range
from course_lib.losses.margin_softmax import MarginSoftmax


class SphereFace(MarginSoftmax):
    """A-Softmax: embeddings (N, D) float, labels (N,) int64 -> ``Loss``.

    The logits are ||x|| cos(theta_j). The target's is ||x|| (lambda cos(theta) + psi(theta)) / (1 + lambda), with
    psi(theta) = (-1)^k cos(m theta) - 2k and k = floor(m theta / pi), which continues cos(m theta) so that it falls all
    the way from 0 to pi (equation 7). At first lambda is so large that this is nearly softmax; after ``it`` training
    batches it is max(lambda_min, lambda_start / (1 + lambda_decay * it)), the authors' annealing.

    Args:
        embedding_dim, n_classes, seed: see ``MarginSoftmax``.
        margin: m, a whole number of at least 1.
        lambda_start, lambda_decay, lambda_min: at least 0. ``lambda_start=0, lambda_min=0`` is A-Softmax without
            annealing.

    ``iteration``, a buffer (int64 scalar, in the state dict), counts the calls in training mode. An optimizer that
    looks at a batch twice must put buffers back, as ``course_lib.optim.SAM`` does.
    """

    iteration: Tensor

    def __init__(
        self,
        embedding_dim: int,
        n_classes: int,
        *,
        margin: int = 4,
        lambda_start: float = 1000.0,
        lambda_decay: float = 0.12,
        lambda_min: float = 5.0,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding_dim, n_classes, None, seed)
        if margin != margin // 1 or not 1 <= margin:
            raise ValueError(f"margin is {margin}; expected a whole number of at least 1, such as 4")
        for name, value in (("start", lambda_start), ("decay", lambda_decay), ("min", lambda_min)):
            check_range(f"lambda_{name}", value, 0, 1e9)
        self.margin = int(margin)
        self.annealing = (lambda_start, lambda_decay, lambda_min)
        self.register_buffer("iteration", torch.zeros((), dtype=torch.int64))

    def extra_repr(self) -> str:
        start, decay, least = self.annealing
        options = f"margin={self.margin}, lambda_start={start}, lambda_decay={decay}, lambda_min={least}"
        return f"{super().extra_repr()}, {options}"

    @property
    def softmax_weight(self) -> Tensor:
        """lambda now: how much cos(theta) weighs against psi(theta), which weighs 1."""
        start, decay, least = self.annealing
        return (start / (1 + decay * self.iteration)).clamp(min=least)

    def psi(self, cosine: Tensor) -> Tensor:
        """(-1)^k cos(m theta) - 2k, elementwise."""
        angle = cosine.detach().clamp(-1, 1).acos()
        # k is at most m - 1: at theta = pi, m would give the same value and the opposite gradient.
        k = (self.margin * angle / math.pi).floor().clamp(max=self.margin - 1)
        return (1 - 2 * (k % 2)) * cosine_of_multiple(cosine, self.margin) - 2 * k

    def target_logit(self, cosine: Tensor) -> Tensor:
        """(lambda cos(theta) + psi(theta)) / (1 + lambda), elementwise, with lambda as it is now; not yet scaled."""
        weight = self.softmax_weight
        return (weight * cosine + self.psi(cosine)) / (1 + weight)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Cross-entropy with the margin, averaged over the batch; in training mode the batch is then counted."""
        loss = super().forward(embeddings, labels)
        if self.training:
            self.iteration += 1
        return loss


def cosine_of_multiple(cosine: Tensor, times: int) -> Tensor:
    """cos(times * theta) of cos(theta), elementwise: a Chebyshev polynomial, so no slope is infinite."""
    before, now = torch.ones_like(cosine), cosine
    for _ in range(times - 1):
        before, now = now, 2 * cosine * now - before
    return now
