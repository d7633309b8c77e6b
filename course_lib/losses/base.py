"""What every criterion returns, and the checks that they share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Loss:
    """The result of ``criterion(embeddings, labels)``.

    Attributes:
        total: scalar float, what is minimised.
        parts: each term's scalar before weighting, by name, detached: for the record.
        logits: (N, C) float, without any margin, so that ``logits.argmax(1)`` is the classifier's honest answer.
        labels: (N,) int64, what that answer should be, where it is not the labels the criterion was given.
    """

    total: Tensor
    parts: dict[str, Tensor]
    logits: Tensor
    labels: Tensor | None = None

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {float(part):.4g}" for name, part in self.parts.items())
        return f"Loss(total {float(self.total.detach()):.4g}; {parts}; logits {'x'.join(map(str, self.logits.shape))})"


def check_batch(embeddings: Tensor, labels: Tensor, embedding_dim: int, n_classes: int) -> None:
    """Raise unless embeddings are float (N, embedding_dim), N at least 1, and labels int64 (N,) in 0..n_classes-1.

    On a GPU the labels' range is left to cross-entropy's own device-side check: looking here would make the host wait.
    """
    if embeddings.ndim != 2 or embeddings.shape[1] != embedding_dim:
        raise ValueError(
            f"embeddings have shape {tuple(embeddings.shape)}; this criterion expects (N, {embedding_dim})"
        )
    if labels.dtype != torch.int64 or labels.shape != embeddings.shape[:1]:
        raise ValueError(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}; "
            f"expected torch.int64 of shape ({len(embeddings)},)"
        )
    if len(labels) == 0:
        raise ValueError("the batch is empty, and the mean of no losses is no number; give at least one embedding")
    if labels.device.type == "cpu" and not 0 <= int(labels.min()) <= int(labels.max()) < n_classes:
        index = int(((labels < 0) | (labels >= n_classes)).nonzero()[0])
        raise ValueError(f"label {int(labels[index])} at index {index} is out of range; expected 0..{n_classes - 1}")


def check_range(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Raise ``ValueError`` unless ``value`` lies in [low, high]; NaN does not."""
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; expected {low:g} to {high:.4g}{unit}")


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise ``ValueError`` unless ``value`` is one of ``choices``."""
    choices = list(choices)
    if value not in choices:
        raise ValueError(f"{name} {value!r} is not known; expected one of {', '.join(choices)}")
