"""Equal accuracy on faces: a plain float32 loop, ``fit`` and ``fit(compile=True)``, verified on people never seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from benchmarks.comparison import Comparison
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones
from course_lib.data import ImageSet, orl_faces, split_by_identity, verification_pairs
from course_lib.evaluation import cosine_scores, kfold_accuracy, mean_interval, paired_difference
from course_lib.losses import Softmax
from course_lib.training import Batches, embed, fit

NAME = "training_accuracy"
SEEDS = (0, 1, 2)
LEARNING_RATE = 0.1


def main() -> dict[str, Any]:
    """Train what the record does not hold yet: 30 people of ORL, 112x112, ten unseen people for the test."""
    return measure(orl_faces().resized(112, 112), width=1.0, epochs=10, batch_size=60, n_pairs=800, seeds=SEEDS)


def measure(
    faces: ImageSet, *, width: float, epochs: int, batch_size: int, n_pairs: int, seeds: Sequence[int]
) -> dict[str, Any]:
    """Each method with each seed, which fixes the split, the pairs, the initial weights and the order of the images."""
    settings = {"width": width, "epochs": epochs, "batch_size": batch_size, "n_pairs": n_pairs, "rate": LEARNING_RATE}
    runs = recorded_runs(NAME, settings)
    done = {(run["method"], run["seed"]) for run in runs}
    missing = [(method, seed) for seed in seeds for method in METHODS if (method, seed) not in done]
    for method, seed in tqdm(missing, unit="run"):
        train, test = split_by_identity(faces, 10, seed=seed)
        accuracy = verified(trained(method, train, width, epochs, batch_size, seed), test, n_pairs, seed)
        runs.append({"method": method, "seed": seed, "accuracy": accuracy})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), {"settings": settings, "runs": runs})
    figures = {"settings": settings, "runs": runs, **conclude(runs, seeds)}
    write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def trained(method: str, train: ImageSet, width: float, epochs: int, batch_size: int, seed: int) -> nn.Module:
    """The recipe that all methods share: MobileFaceNet, softmax, SGD with momentum, one cycle."""
    size = tuple(train.images.shape[2:])
    backbone = backbones.create("mobilefacenet", width=width, input_size=size, in_channels=1, seed=seed)
    criterion = Softmax(backbone.embedding_dim, train.n_classes, seed=seed)
    optimizer = torch.optim.SGD([*backbone.parameters(), *criterion.parameters()], lr=LEARNING_RATE, momentum=0.9)
    steps = epochs * len(Batches(train, batch_size))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    METHODS[method](
        backbone,
        criterion,
        train,
        optimizer=optimizer,
        schedule=schedule,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
    )
    return backbone


def plain_loop(
    backbone: nn.Module,
    criterion: Softmax,
    train: ImageSet,
    *,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    epochs: int,
    batch_size: int,
    seed: int,
) -> None:
    """Eager, float32, NCHW; the batches are ``fit``'s, so that only the arithmetic differs."""
    for epoch in range(epochs):
        for _, images, labels in Batches(train, batch_size, seed=seed).epoch(epoch):
            optimizer.zero_grad()
            logits = nn.functional.linear(backbone(images), criterion.weight, criterion.bias)
            cross_entropy(logits, labels).backward()
            optimizer.step()
            schedule.step()


def fit_compiled(*arguments: Any, **options: Any) -> None:
    """``fit(compile=True)``."""
    fit(*arguments, compile=True, **options)


METHODS: dict[str, Callable[..., Any]] = {"plain loop": plain_loop, "fit": fit, "fit(compile=True)": fit_compiled}


def verified(backbone: nn.Module, test: ImageSet, n_pairs: int, seed: int) -> float:
    """Ten-fold verification accuracy on people never seen in training."""
    pairs = verification_pairs(test.labels, n_pairs, seed=seed)
    return kfold_accuracy(cosine_scores(embed(backbone, test), pairs.left, pairs.right), pairs.same).mean


def conclude(runs: Sequence[dict[str, Any]], seeds: Sequence[int]) -> dict[str, Any]:
    """Means and paired differences over the seeds with 95 % t intervals, and whether any interval excludes 0."""
    of = {(run["method"], run["seed"]): 100 * run["accuracy"] for run in runs}
    values = {method: [of[method, seed] for seed in seeds] for method in METHODS}
    means, differences = [], []
    for method, points in values.items():
        interval, mean = mean_interval(points), sum(points) / len(points)
        means.append(Comparison(f"verification accuracy, {method}", mean, interval.low, interval.high, unit="%"))
    for method in list(METHODS)[1:]:
        interval = paired_difference(values[method], values["plain loop"])
        middle = (interval.low + interval.high) / 2
        differences.append(Comparison(f"{method} - plain loop", middle, interval.low, interval.high, unit="points"))
    equal = all(found.low <= 0 <= found.high for found in differences)
    return {
        "conclusion": "no difference beyond the noise of the seeds"
        if equal
        else "a difference beyond the noise of the seeds",
        "equal_within_noise": equal,
        "comparisons": [found.plain() for found in (*means, *differences)],
    }
