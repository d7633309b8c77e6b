"""ArcFace of many classes, forward and backward, against pytorch-metric-learning's ArcFaceLoss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from pytorch_metric_learning.losses import ArcFaceLoss
from torch import Tensor, nn

from benchmarks.center_loss import batch, peak_bytes
from benchmarks.comparison import interleaved, spread
from benchmarks.record import write_record
from course_lib.losses import ArcFace

NAME = "arcface"
SEED = 0
SCALE, MARGIN = 64.0, 0.5
THEIRS, OURS = "pytorch-metric-learning", "course_lib"


def main() -> dict[str, Any]:
    """Measure at the promised size, and write the record."""
    figures = measure(n_classes=100_000, embedding_dim=512, batch_size=128, rounds=11)
    write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def measure(n_classes: int, embedding_dim: int, batch_size: int, rounds: int) -> dict[str, Any]:
    """Time and peak memory of a step of both, from the same weights on the same batch."""
    embeddings, labels = batch(n_classes, embedding_dim, batch_size)
    criteria = contestants(n_classes, embedding_dim)
    steps = {name: step(criterion, embeddings, labels) for name, criterion in criteria.items()}
    losses = {name: run() for name, run in steps.items()}  # the first call allocates
    race = interleaved(steps, rounds)
    peaks = {name: peak_bytes(run) for name, run in steps.items()}
    return {
        "settings": {
            "n_classes": n_classes,
            "embedding_dim": embedding_dim,
            "batch_size": batch_size,
            "dtype": "float32",
            "threads": torch.get_num_threads(),
        },
        "others_cpu_percent": race.others_percent,
        "loss": {name: round(loss, 4) for name, loss in losses.items()},
        "milliseconds": {name: [round(1e3 * s, 1) for s in times] for name, times in race.seconds.items()},
        "peak_bytes": peaks,
        "comparisons": [
            race.ratio(f"{n_classes:,} classes: {THEIRS} / {OURS}, time", THEIRS, OURS, target=1.3).plain(),
            spread(
                f"{n_classes:,} classes: {OURS} / {THEIRS}, memory of a step",
                [peaks[OURS] / peaks[THEIRS]],
                target=0.7,
                at_least=False,
            ).plain(),
        ],
    }


def contestants(n_classes: int, embedding_dim: int) -> dict[str, nn.Module]:
    """Both criteria with the same weights; theirs keeps them as (D, C), and takes the margin in degrees."""
    ours = ArcFace(embedding_dim, n_classes, scale=SCALE, margin=MARGIN, seed=SEED + 1)
    theirs = ArcFaceLoss(n_classes, embedding_dim, scale=SCALE, margin=math.degrees(MARGIN))
    theirs.W.data = ours.weight.detach().t().contiguous()
    return {THEIRS: theirs, OURS: ours}


def step(criterion: nn.Module, embeddings: Tensor, labels: Tensor) -> Callable[[], float]:
    """Forward, and backward to the embeddings and the weights; it returns the loss."""

    def run() -> float:
        embeddings.grad = None
        criterion.zero_grad()
        loss = criterion(embeddings, labels)
        total = loss if isinstance(loss, Tensor) else loss.total
        total.backward()
        return total.item()

    return run
