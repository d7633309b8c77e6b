"""Every face backbone of the course on unseen people of ORL, beside its multiply-adds and bytes: one recipe for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import Comparison
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, cost, data, evaluation, losses, training

NAME = "backbone_accuracy"
SEEDS = (0, 1, 2)
EPOCHS, BATCH, RATE, DECAY, SHIFT, PAIRS = 12, 50, 1e-3, 0.05, 2, 800
DIGITS_ONLY = {"lenet_plus_plus"}  # two numbers from 28x28 digits; no face network
PIXELS = "the pixels themselves"  # no network at all: what the pairs give away for nothing


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    names = [name for name in backbones.available() if name not in DIGITS_ONLY]
    figures = sweep(names, SEEDS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(names: Sequence[str], seeds: Sequence[int], epochs: int) -> dict[str, Any]:
    """What each network costs, and one run per network and seed; a seed fixes people, pairs, weights and order."""
    settings = {"recipe": "softmax, AdamW, one cycle, flips, shifts", "epochs": epochs, "batch_size": BATCH}
    settings |= {"rate": RATE, "weight_decay": DECAY, "shift": SHIFT, "unseen_people": 10, "pairs": PAIRS}
    runs = recorded_runs(NAME, settings)
    networks = {name: counted(name) for name in names}
    figures = {"settings": settings, "networks": networks, "runs": runs}
    done = {(run["name"], run["seed"]) for run in runs}
    cheapest_first = [PIXELS, *sorted(networks, key=lambda name: networks[name]["macs"])]
    missing = [(name, seed) for name in cheapest_first for seed in seeds if (name, seed) not in done]
    for name, seed in tqdm(missing, unit="run", disable=None):
        runs.append({"name": name, "seed": seed, "accuracy": accuracy(name, seed, epochs)})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def half_size(name: str) -> tuple[int, int]:
    """Half the size that a network was designed for, up to a multiple of 8: its stages keep their proportions."""
    height, width = backbones.create(name, seed=0).input_size
    return -(-height // 16) * 8, -(-width // 16) * 8


def counted(name: str) -> dict[str, Any]:
    """Of the network as it is trained here, with one channel in."""
    size = half_size(name)
    network = backbones.create(name, input_size=size, in_channels=1, seed=0)
    found = cost.count(network, size, in_channels=1)
    return {
        "family": type(network).__name__,
        "input_size": list(size),
        "parameters": found.parameters,
        "macs": found.macs.conv_linear,
        "fp32_bytes": found.fp32_bytes,
    }


def accuracy(name: str, seed: int, epochs: int) -> dict[str, float]:
    """On the thirty people it was trained on (photographs named rightly), and on pairs of ten others (ten folds)."""
    size = (56, 56) if name == PIXELS else half_size(name)
    people, others = data.split_by_identity(data.orl_faces().resized(*size), n_test=10, seed=seed)
    pairs = data.verification_pairs(others.labels, PAIRS, seed=seed)
    if name == PIXELS:
        embeddings, named = centred_pixels(others), {}
    else:
        network, named = train(name, people, seed, epochs)
        embeddings = training.embed(network, others, flip=True)
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
    return {**named, "verification": round(evaluation.kfold_accuracy(scores, pairs.same).mean, 5)}


def train(name: str, people: data.ImageSet, seed: int, epochs: int) -> tuple[nn.Module, dict[str, float]]:
    """The network after the one recipe, and the share of the last epoch's photographs that it named rightly."""
    size = tuple(people.images.shape[2:])
    network = backbones.create(name, input_size=size, in_channels=1, seed=seed)
    criterion = losses.Softmax(network.embedding_dim, people.n_classes, seed=seed)
    learned = [*network.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(learned, RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * -(-len(people) // BATCH))
    augment = data.Compose((data.RandomFlip(), data.RandomShift(SHIFT)))
    recipe = {"schedule": schedule, "epochs": epochs, "batch_size": BATCH, "augment": augment, "seed": seed}
    history = training.fit(network, criterion, people, optimizer=optimizer, precision="bf16-mixed", **recipe)
    return network, {"training": round(history.last["accuracy"], 5)}


def centred_pixels(faces: data.ImageSet) -> np.ndarray:
    """Each image plus its mirror image, less its mean: (N, H * W)."""
    pixels = faces.images.float()
    pixels = (pixels + pixels.flip(-1)).flatten(1)
    return (pixels - pixels.mean(1, keepdim=True)).numpy()


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean verification accuracy of each over the seeds, with its 95 % t interval."""
    rows = []
    for name in dict.fromkeys(run["name"] for run in runs):
        points = [100 * run["accuracy"]["verification"] for run in runs if run["name"] == name]
        interval = evaluation.mean_interval(points)
        rows.append(Comparison(name, sum(points) / len(points), interval.low, interval.high, unit="%").plain())
    return rows
