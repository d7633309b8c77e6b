"""Kernels of their own against shared ones, over seeds: trained on aligned digits or on moved ones, tested on both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import data, evaluation, losses, training
from course_lib.backbones import LocallyConnected2d
from course_lib.backbones.blocks import global_average_pool

NAME = "own_kernels"
SEEDS = tuple(range(12))
TRAINED, TESTED, KINDS = (0, 2), (0, 1, 2, 3), ("own kernels", "one kernel")  # moved by up to so many pixels
SIDE, CHANNELS, STRIDES, IMAGES, BATCH, EPOCHS, RATE = 14, 16, (1, 1, 2), 1000, 50, 15, 3e-3


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(SEEDS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(seeds: Sequence[int], epochs: int) -> dict[str, Any]:
    """One run for each seed, kind, and move in training; a seed fixes images, first weights, order and moves."""
    settings = {"data": "digits", "side": SIDE, "channels": CHANNELS, "strides": list(STRIDES), "images": IMAGES}
    settings |= {"batch": BATCH, "epochs": epochs, "rate": RATE, "tested": list(TESTED)}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(run["seed"], run["trained"], run["kind"]) for run in runs}
    wanted = [setting for setting in product(seeds, TRAINED, KINDS) if setting not in done]
    train, test = (part.resized(SIDE, SIDE) for part in data.digits())
    for seed, moved, kind in tqdm(wanted, unit="run", disable=None):
        found = one_run(train, test, kind, moved, seed, epochs)
        runs.append({"seed": seed, "trained": moved, "kind": kind, **found})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def network(kind: str, seed: int) -> nn.Sequential:
    """Digits (N, 1, 14, 14) -> (N, 16): three layers of 3x3 kernels, and the mean of each channel."""
    torch.manual_seed(seed)
    layers, channels, side = [], 1, SIDE
    for stride in STRIDES:
        if kind == "own kernels":
            layers.append(LocallyConnected2d(channels, CHANNELS, 3, side, stride=stride))
        else:
            layers.append(nn.Conv2d(channels, CHANNELS, 3, stride))
        layers.append(nn.ReLU())
        channels, side = CHANNELS, (side - 3) // stride + 1
    return nn.Sequential(*layers, global_average_pool())


def one_run(train: data.ImageSet, test: data.ImageSet, kind: str, moved: int, seed: int, epochs: int) -> dict[str, Any]:
    """Train on digits moved by up to so many pixels; the shares of test digits named, moved further and further."""
    generator = torch.Generator().manual_seed(seed)
    train = train.subset(torch.randperm(len(train), generator=generator)[:IMAGES])
    net, criterion = network(kind, seed), losses.Softmax(CHANNELS, train.n_classes, seed=seed)
    optimizer = torch.optim.Adam([*net.parameters(), *criterion.parameters()], lr=RATE)
    steps = epochs * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"epochs": epochs, "batch_size": BATCH, "augment": data.RandomShift(moved), "seed": seed}
    recipe |= {"schedule": schedule, "precision": "32-true"}
    history = training.fit(net, criterion, train, optimizer=optimizer, **recipe)
    net.eval()
    named = []
    for pixels in TESTED:
        images = data.RandomShift(pixels)(test.images, torch.Generator().manual_seed(seed))
        with torch.no_grad():
            logits = criterion(net(data.normalise(images)), test.labels).logits
        named.append((logits.argmax(1) == test.labels).float().mean().item())
    return {"train": float(f"{history['accuracy'][-1]:.5g}"), "test": [float(f"{share:.5g}") for share in named]}


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Own kernels - one kernel, seed by seed, in points of test accuracy: means with 95 % intervals."""
    of = {(run["trained"], run["kind"], run["seed"]): run["test"] for run in runs}
    rows = []
    for trained in TRAINED:
        seeds = sorted({seed for moved, _, seed in of if all((trained, kind, seed) in of for kind in KINDS)})
        for place, tested in enumerate(TESTED if len(seeds) > 1 else ()):
            a, b = ([100 * of[trained, kind, seed][place] for seed in seeds] for kind in KINDS)
            name = f"own - one kernel, trained moved by {trained}, tested moved by {tested}"
            rows.append(estimate(name, evaluation.paired_difference(a, b), "points"))
    return rows
