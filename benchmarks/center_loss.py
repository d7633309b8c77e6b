"""Center loss of many classes: gathered centers against the batch-by-classes distance matrix of common code."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.comparison import interleaved, spread
from benchmarks.record import write_record
from course_lib.losses import CenterLoss
from course_lib.losses.base import Loss

SEED = 0


class NoClassifier(nn.Module):
    """A classifier that costs nothing, so that the center term is measured alone."""

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        return Loss(embeddings.new_zeros(()), {}, embeddings)


class DistanceMatrix(nn.Module):
    """Center loss as common code computes it: all N x C squared distances, of which N are used.

    Its loss is twice ``CenterLoss``'s center term: the paper's factor 1/2 is left out. The centers are parameters,
    moved by an optimizer of their own.
    """

    def __init__(self, embedding_dim: int, n_classes: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.zeros(n_classes, embedding_dim))

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        squares = embeddings.square().sum(1, keepdim=True) + self.centers.square().sum(1)  # (N, C)
        distances = torch.addmm(squares, embeddings, self.centers.t(), alpha=-2)  # (N, C)
        mask = labels[:, None] == torch.arange(len(self.centers))  # (N, C)
        return (distances * mask).clamp(1e-12, 1e12).sum() / len(embeddings)


def main() -> dict[str, Any]:
    """Measure at the promised size, and write the record."""
    figures = measure(
        n_classes=10_000, embedding_dim=128, batch_size=256, rounds=15, steps=10, growth=(1_000, 10_000, 100_000)
    )
    write_record("center_loss", "python -m benchmarks center_loss", SEED, figures)
    return figures


def measure(
    n_classes: int, embedding_dim: int, batch_size: int, rounds: int, steps: int, growth: tuple[int, ...]
) -> dict[str, Any]:
    """Time both at ``n_classes``, and the memory that one step takes at each number of classes in ``growth``."""
    makers = {"distance matrix": distance_matrix_step, "CenterLoss": center_loss_step}
    contestants = {name: repeated(make(n_classes, embedding_dim, batch_size), steps) for name, make in makers.items()}
    for contestant in contestants.values():
        contestant()  # the first call allocates
    race = interleaved(contestants, rounds)
    peaks = {
        name: [peak_bytes(make(classes, embedding_dim, batch_size)) for classes in growth]
        for name, make in makers.items()
    }
    return {
        "settings": {"n_classes": n_classes, "embedding_dim": embedding_dim, "batch_size": batch_size},
        "others_cpu_percent": race.others_percent,
        "milliseconds": {name: [round(1e3 * s / steps, 4) for s in times] for name, times in race.seconds.items()},
        "peak_bytes": {"n_classes": list(growth), **peaks},
        "comparisons": [
            race.ratio(f"{n_classes:,} classes: distance matrix / CenterLoss, time", *makers, target=10.0).plain(),
            *memory(growth, batch_size, peaks["distance matrix"], peaks["CenterLoss"]),
        ],
    }


def memory(growth: tuple[int, ...], batch_size: int, matrix: list[int], ours: list[int]) -> list[dict[str, Any]]:
    """The peaks side by side, and what one more class costs each, in units of one float per image of the batch.

    What may grow is a counter of 8 bytes per class: a hundredth of a unit at a batch of 256.
    """

    def per_class(peak: list[int]) -> float:
        return (peak[-1] - peak[0]) / (growth[-1] - growth[0]) / (4 * batch_size)

    return [
        spread(
            f"{growth[-1]:,} classes: distance matrix / CenterLoss, memory of a step", [matrix[-1] / ours[-1]]
        ).plain(),
        spread("memory per class, distance matrix", [per_class(matrix)], unit="B x 4 bytes").plain(),
        spread(
            "memory per class, CenterLoss", [per_class(ours)], target=0.01, at_least=False, unit="B x 4 bytes"
        ).plain(),
    ]


def center_loss_step(n_classes: int, embedding_dim: int, batch_size: int) -> Callable[[], None]:
    """Forward, backward to the embeddings, and the centers' update in Wen's rule: one call does all three."""
    embeddings, labels = batch(n_classes, embedding_dim, batch_size)
    criterion = CenterLoss(embedding_dim, n_classes, weight=1.0, classifier=NoClassifier())

    def step() -> None:
        embeddings.grad = None
        criterion(embeddings, labels).total.backward()

    return step


def distance_matrix_step(n_classes: int, embedding_dim: int, batch_size: int) -> Callable[[], None]:
    """Forward, backward, and the centers' update by SGD, as the common code's own example does."""
    embeddings, labels = batch(n_classes, embedding_dim, batch_size)
    criterion = DistanceMatrix(embedding_dim, n_classes)
    optimizer = torch.optim.SGD(criterion.parameters(), lr=0.5)

    def step() -> None:
        embeddings.grad = None
        optimizer.zero_grad()
        criterion(embeddings, labels).backward()
        optimizer.step()

    return step


def batch(n_classes: int, embedding_dim: int, batch_size: int) -> tuple[Tensor, Tensor]:
    """Random embeddings (N, D) that take a gradient, and labels (N,)."""
    generator = torch.Generator().manual_seed(SEED)
    embeddings = torch.randn(batch_size, embedding_dim, generator=generator).requires_grad_()
    return embeddings, torch.randint(n_classes, (batch_size,), generator=generator)


def repeated(step: Callable[[], None], times: int) -> Callable[[], None]:
    """The step, so many times."""

    def run() -> None:
        for _ in range(times):
            step()

    return run


def peak_bytes(step: Callable[[], None]) -> int:
    """How much memory two steps hold at their peak beyond what was held before, from the allocator's own events."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler announces itself, and the lack of a GPU
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
        step()
    held = peak = 0
    for event in sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak
