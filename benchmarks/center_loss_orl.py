"""Softmax and center loss on ORL over many paired runs: unseen people, judged by the cosine and by the distance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training

NAME = "center_loss_orl"
SEEDS = tuple(range(16))
WEIGHTS = (0.0, 0.1, 1.0)
SIZE, DIM, WIDTH, BATCH, EPOCHS, RATE, DECAY = (56, 46), 64, 0.25, 50, 12, 0.1, 5e-4
TEST_PEOPLE, PAIRS = 10, 900


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(SEEDS, WEIGHTS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(seeds: Sequence[int], weights: Sequence[float], epochs: int) -> dict[str, Any]:
    """One entry per seed and weight; a seed fixes people, pairs, first weights and order."""
    settings = {"size": list(SIZE), "width": WIDTH, "embedding_dim": DIM, "batch": BATCH, "epochs": epochs}
    settings |= {"rate": RATE, "weight_decay": DECAY, "unseen_people": TEST_PEOPLE, "pairs": PAIRS}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(run["weight"], run["seed"]) for run in runs}
    wanted = [(weight, seed) for seed in seeds for weight in weights]
    faces = data.orl_faces().resized(*SIZE)
    for weight, seed in tqdm([pair for pair in wanted if pair not in done], unit="run", disable=None):
        runs.append({"weight": weight, "seed": seed, **one_run(faces, weight, seed, epochs)})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def one_run(faces: data.ImageSet, weight: float, seed: int, epochs: int) -> dict[str, float]:
    """Train on some people, and judge the embeddings of the others by both rulers."""
    people, others = data.split_by_identity(faces, n_test=TEST_PEOPLE, seed=seed)
    embeddings = training.embed(train(people, weight, seed, epochs), others, flip=True)
    pairs, labels = data.verification_pairs(others.labels, PAIRS, seed=seed), others.labels.numpy()
    lengths = np.linalg.norm(embeddings, axis=1)
    scores = {ruler: score(embeddings, pairs) for ruler, score in RULERS.items()}
    found = {f"accuracy_{ruler}": evaluation.kfold_accuracy(s, pairs.same).mean for ruler, s in scores.items()}
    found |= {"eer_cosine": evaluation.eer(scores["cosine"], pairs.same).rate, "length": float(lengths.mean())}
    found["ratio"] = evaluation.embedding_space(embeddings, labels).ratio
    found["ratio_of_directions"] = evaluation.embedding_space(embeddings / lengths[:, None], labels).ratio
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def train(people: data.ImageSet, weight: float, seed: int, epochs: int) -> nn.Module:
    """The recipe of notebook 06: a small MobileFaceNet, SGD with momentum and one cycle, softmax with center loss."""
    options = {"width": WIDTH, "embedding_dim": DIM, "input_size": SIZE, "in_channels": 1}
    network = backbones.create("mobilefacenet", **options, seed=seed)
    criterion = losses.CenterLoss(DIM, people.n_classes, weight=weight, seed=seed)
    weights = [*network.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=DECAY)
    steps = epochs * -(-len(people) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"epochs": epochs, "batch_size": BATCH, "seed": seed, "precision": "32-true"}
    recipe |= {"augment": data.Compose((data.RandomFlip(), data.RandomShift(3)))}
    training.fit(network, criterion, people, optimizer=optimizer, schedule=schedule, **recipe)
    return network


def distance_scores(embeddings: np.ndarray, pairs: data.Pairs) -> np.ndarray:
    """Minus the distance of each pair."""
    return -np.linalg.norm(embeddings[pairs.left] - embeddings[pairs.right], axis=1)


RULERS: dict[str, Callable[[np.ndarray, data.Pairs], np.ndarray]] = {
    "cosine": lambda embeddings, pairs: evaluation.cosine_scores(embeddings, pairs.left, pairs.right),
    "distance": distance_scores,
}
FIGURES = {
    "accuracy_cosine": (100, "points"),
    "accuracy_distance": (100, "points"),
    "ratio": (1, ""),
    "ratio_of_directions": (1, ""),
}


def compare(
    runs: Sequence[dict[str, Any]], figures: Mapping[str, tuple[int, str]] = MappingProxyType(FIGURES)
) -> list[dict[str, Any]]:
    """Each weight - softmax, seed by seed: means with 95 % intervals, each figure times its factor, in its unit."""
    of: dict[float, dict[int, dict[str, float]]] = {}
    for run in runs:
        of.setdefault(run["weight"], {})[run["seed"]] = run
    rows = []
    for weight, (name, (times, unit)) in product(sorted(of.keys() - {0.0}), figures.items()):
        seeds = sorted(of[weight].keys() & of.get(0.0, {}).keys())
        if len(seeds) > 1:
            a, b = ([times * of[one][seed][name] for seed in seeds] for one in (weight, 0.0))
            rows.append(estimate(f"{name}, weight {weight:g} - softmax", evaluation.paired_difference(a, b), unit))
    return rows
