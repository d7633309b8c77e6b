"""SGD and SAM over rho on ORL: unseen people, and how sharp the minima are, at equal gradients and at equal epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from benchmarks import budget
from benchmarks.budget import Budget
from benchmarks.comparison import Comparison
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, optim, training

NAME = "sgd_vs_sam_orl"
SEEDS = tuple(range(6))
EPOCHS = 12
RHOS = (0.02, 0.05, 0.2)
SIZE, DIM, WIDTH, BATCH, RATE, DECAY = (40, 32), 64, 0.25, 50, 0.1, 5e-4
TEST_PEOPLE, PAIRS = 10, 800
EVERY, RADIUS = 3, 0.05  # sharpness is measured on every third training photograph, in a ball of this radius


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(SEEDS, RHOS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def setups(rhos: Sequence[float], epochs: int) -> list[Budget]:
    """SGD and SAM for half the epochs, for all, and for twice as many."""
    return [Budget(rho, some) for rho in (0.0, *rhos) for some in (epochs // 2, epochs, 2 * epochs)]


def sweep(seeds: Sequence[int], rhos: Sequence[float], epochs: int) -> dict[str, Any]:
    """One entry a setup and seed; a seed fixes people, pairs, first weights and order."""
    settings = {"size": list(SIZE), "width": WIDTH, "embedding_dim": DIM, "batch": BATCH, "epochs": epochs}
    settings |= {"rate": RATE, "weight_decay": DECAY, "unseen_people": TEST_PEOPLE, "pairs": PAIRS, "radius": RADIUS}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(Budget(run["rho"], run["epochs"]), run["seed"]) for run in runs}
    wanted = [(setup, seed) for seed in seeds for setup in setups(rhos, epochs)]
    faces = data.orl_faces().resized(*SIZE)
    for setup, seed in tqdm([pair for pair in wanted if pair not in done], unit="run", disable=None):
        runs.append({**asdict(setup), "seed": seed, **one_run(faces, setup, seed)})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def one_run(faces: data.ImageSet, setup: Budget, seed: int) -> dict[str, float]:
    """Train on some people, measure the minimum there, and verify on the others."""
    people, others = data.split_by_identity(faces, n_test=TEST_PEOPLE, seed=seed)
    network, criterion = train(people, setup, seed)
    pairs = data.verification_pairs(others.labels, PAIRS, seed=seed)
    scores = evaluation.cosine_scores(training.embed(network, others, flip=True), pairs.left, pairs.right)
    some = people.subset(range(0, len(people), EVERY))
    batch = (data.normalise(some.images), some.labels)
    sharpness = optim.sharpness(network, criterion, batch, rho=RADIUS, ascent_steps=3, iterations=40, tolerance=0.01)
    learned = [*network.parameters(), *criterion.parameters()]
    found = {
        "accuracy": evaluation.kfold_accuracy(scores, pairs.same).mean,
        "loss": sharpness.loss,
        "largest_loss": sharpness.largest_loss,
        "eigenvalue": sharpness.eigenvalue,
        "norm": float(torch.cat([p.detach().flatten() for p in learned]).norm()),
    }
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def train(people: data.ImageSet, setup: Budget, seed: int) -> tuple[nn.Module, nn.Module]:
    """A small MobileFaceNet with softmax, by SGD with momentum and one cycle, or by SAM round it."""
    network = backbones.create(
        "mobilefacenet", width=WIDTH, embedding_dim=DIM, input_size=SIZE, in_channels=1, seed=seed
    )
    criterion = losses.Softmax(DIM, people.n_classes, seed=seed)
    options = {"rate": RATE, "weight_decay": DECAY, "batch_size": BATCH, "seed": seed}
    budget.train(network, criterion, people, setup, **options)
    return network, criterion


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """SAM - SGD in points of verification accuracy, seed by seed: means with 95 % intervals."""
    of: dict[Budget, dict[int, float]] = {}
    for run in runs:
        of.setdefault(Budget(run["rho"], run["epochs"]), {})[run["seed"]] = 100 * run["accuracy"]
    rows = []
    for setup, plain in ((sam, sgd) for sam in of for sgd in of if sam.rho and not sgd.rho):
        seeds = sorted(of[setup].keys() & of[plain].keys())
        equal = [what for what in ("gradients", "epochs") if getattr(setup, what) == getattr(plain, what)]
        if equal and len(seeds) > 1:
            a, b = ([of[one][seed] for seed in seeds] for one in (setup, plain))
            interval = evaluation.paired_difference(a, b)
            name = f"SAM, rho {setup.rho:g}, {setup.epochs} epochs - SGD, {plain.epochs}: equal {equal[0]}"
            mean = (interval.low + interval.high) / 2
            rows.append(Comparison(name, mean, interval.low, interval.high, unit="points").plain())
    return rows
