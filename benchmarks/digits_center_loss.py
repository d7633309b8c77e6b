"""Digits in two dimensions under softmax and center loss: a sweep over weights, update rules and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import spread
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training

WEIGHTS = (0, 0.003, 0.03, 0.3, 3, 30)
NAME = "digits_center_loss"
Variant = tuple[float, str, float]  # weight, rule, alpha
# The weights under Wen's rule, and the moving average once stable and once not.
SWEEP = (*((weight, "wen", 0.5) for weight in WEIGHTS), (0.3, "moving_average", 0.95), (0.3, "moving_average", 0.5))
SEEDS = (0, 1, 2)
EPOCHS = 10
SHOWN_EVERY = 4  # of the test images, these features are kept for the slider


def train_digits(
    train: data.ImageSet, weight: float, rule: str = "wen", alpha: float | None = None, seed: int = 0, epochs: int = 10
) -> tuple[nn.Module, nn.Module, training.History]:
    """The recipe of notebook 05: a narrow LeNet++ with 2-D features, softmax with or without center loss."""
    net = backbones.create("lenet_plus_plus", width=0.25, batch_norm=True, seed=seed)
    if weight == 0:
        criterion = losses.Softmax(2, 10, seed=seed)
    else:
        criterion = losses.CenterLoss(2, 10, weight=weight, rule=rule, alpha=alpha, seed=seed)
    optimizer = torch.optim.AdamW([*net.parameters(), *criterion.parameters()], lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=epochs * -(-len(train) // 100))
    history = training.fit(
        net, criterion, train, optimizer=optimizer, schedule=schedule, epochs=epochs, batch_size=100, seed=seed
    )
    return net, criterion, history


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    train, test = data.digits()
    figures = sweep(train, test, SWEEP, SEEDS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(
    train: data.ImageSet, test: data.ImageSet, variants: Sequence[Variant], seeds: Sequence[int], epochs: int
) -> dict[str, Any]:
    """One run per variant and seed; what is on record already is not run again."""
    settings = {"epochs": epochs, "train_images": len(train), "test_images": len(test), "shown_every": SHOWN_EVERY}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "shown_labels": test.labels[::SHOWN_EVERY].tolist(), "runs": runs}
    done = {(run["weight"], run["rule"], run["alpha"], run["seed"]) for run in runs}
    missing = [(*variant, seed) for seed in seeds for variant in variants if (*variant, seed) not in done]
    for weight, rule, alpha, seed in tqdm(missing, unit="run"):
        runs.append(one_run(train, test, weight, rule, alpha, seed, epochs))
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def one_run(
    train: data.ImageSet, test: data.ImageSet, weight: float, rule: str, alpha: float, seed: int, epochs: int
) -> dict[str, Any]:
    """Train once and describe the features; a run that breaks is a finding, and its message is what is recorded."""
    run: dict[str, Any] = {"weight": weight, "rule": rule, "alpha": alpha, "seed": seed}
    try:
        net, criterion, _ = train_digits(train, weight, rule, alpha, seed, epochs)
    except training.NonFiniteError as error:
        return {**run, "diverged": str(error)}
    for part, images in (("train", train), ("test", test)):
        features = training.embed(net, images)
        run[part] = describe(criterion, features, images.labels)
    if seed == 0 and rule == "wen":
        run["shown_features"] = [[significant(x) for x in row] for row in features[::SHOWN_EVERY].tolist()]
    return run


@torch.inference_mode()
def describe(criterion: nn.Module, features: np.ndarray, labels: torch.Tensor) -> dict[str, Any]:
    """The classifier's accuracy and the distances in the feature space, or why there are none."""
    logits = criterion.eval()(torch.from_numpy(features), labels).logits
    result: dict[str, Any] = {"accuracy": round((logits.argmax(1) == labels).float().mean().item(), 5)}
    try:
        space = evaluation.embedding_space(features, labels.numpy())
    except ValueError as error:
        return {**result, "collapsed": str(error)}
    return {**result, **{name: significant(getattr(space, name), 5) for name in ("intra", "inter", "ratio")}}


def significant(value: float, digits: int = 3) -> float:
    """Round to so many significant digits."""
    return float(f"{value:.{digits}g}")


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Softmax against center loss of weight 0.3 under Wen's rule, seed by seed, and the count of diverged runs."""
    by_seed = {run["seed"]: run for run in runs if run["weight"] == 0}
    pairs = [(by_seed[run["seed"]], run) for run in runs if run["weight"] == 0.3 and run["rule"] == "wen"]
    ratios = {part: [a[part]["ratio"] / b[part]["ratio"] for a, b in pairs] for part in ("train", "test")}
    points = [100 * (b["test"]["accuracy"] - a["test"]["accuracy"]) for a, b in pairs]
    return [
        spread("intra/inter, softmax / weight 0.3, training images", ratios["train"], target=3.0).plain(),
        spread("intra/inter, softmax / weight 0.3, test images", ratios["test"]).plain(),
        spread("test accuracy, weight 0.3 - softmax", points, target=-1.0, unit="points").plain(),
        spread("diverged runs", [sum("diverged" in run for run in runs)], unit=f"of {len(runs)}").plain(),
    ]
