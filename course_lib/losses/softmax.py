"""Softmax cross-entropy over a linear classifier: the baseline of every face recognition loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from course_lib.losses.base import Loss, check_batch


class Softmax(nn.Module):
    """A linear classifier and its cross-entropy: embeddings (N, D) float, labels (N,) int64 -> ``Loss``.

    Args:
        embedding_dim: D.
        n_classes: C.
        seed: fixes the classifier's initial weights; None draws from PyTorch's global random state.

    The classifier's ``weight`` (C, D) and ``bias`` (C,) are trained with the backbone: give its parameters to the
    optimizer too. Raises ``ValueError`` for embeddings of another width and labels out of range (the index is named).
    """

    def __init__(self, embedding_dim: int, n_classes: int, *, seed: int | None = None) -> None:
        super().__init__()
        self.embedding_dim = embedding_dim
        self.n_classes = n_classes
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        bound = 1 / math.sqrt(embedding_dim)  # as nn.Linear does
        self.weight = nn.Parameter(torch.empty(n_classes, embedding_dim).uniform_(-bound, bound, generator=generator))
        self.bias = nn.Parameter(torch.zeros(n_classes))

    def extra_repr(self) -> str:
        return f"embedding_dim={self.embedding_dim}, n_classes={self.n_classes}"

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Cross-entropy averaged over the batch."""
        check_batch(embeddings, labels, self.embedding_dim, self.n_classes)
        logits = linear(embeddings, self.weight, self.bias)
        loss = cross_entropy(logits, labels)
        return Loss(loss, {"softmax": loss.detach()}, logits)
