"""What a ReLU at the narrow end of MobileNetV2's block costs, by the channels there, with and without shortcut."""

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
from course_lib.backbones.blocks import ConvUnit, InvertedBottleneck, global_average_pool

NAME = "linear_bottleneck"
SEEDS = tuple(range(12))
CHANNELS, SHORTCUTS, ENDS = (4, 16), (False, True), ("linear", "relu6")
SIDE, STRIDES, T, LAST = 14, (1, 1, 2, 1, 1), 6, 64
IMAGES, BATCH, EPOCHS, RATE = 2000, 50, 3, 0.05


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(SEEDS, CHANNELS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(seeds: Sequence[int], channels: Sequence[int], epochs: int) -> dict[str, Any]:
    """One run for each seed, number of channels, shortcut and end; a seed fixes first weights and order."""
    settings = {"data": "digits", "side": SIDE, "strides": list(STRIDES), "t": T, "last": LAST, "images": IMAGES}
    settings |= {"batch": BATCH, "epochs": epochs, "rate": RATE}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(run["seed"], run["channels"], run["shortcut"], run["end"]) for run in runs}
    wanted = [setting for setting in product(seeds, channels, SHORTCUTS, ENDS) if setting not in done]
    train, test = (part.resized(SIDE, SIDE) for part in data.digits())
    train = train.subset(range(0, len(train), max(1, len(train) // IMAGES)))  # as many of each digit
    for seed, width, shortcut, end in tqdm(wanted, unit="run", disable=None):
        found = one_run(train, test, bottlenecks(width, shortcut, end, seed), seed, epochs)
        runs.append({"seed": seed, "channels": width, "shortcut": shortcut, "end": end, **found})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def bottlenecks(channels: int, shortcut: bool, end: str, seed: int) -> nn.Sequential:
    """Digits (N, 1, 14, 14) -> (N, 64): five blocks between whose insides the map has only so many channels."""
    torch.manual_seed(seed)
    blocks = [
        ConvUnit(1, T * channels, 3, stride=2, activation="relu6"),
        ConvUnit(T * channels, channels, 1, activation=end),
    ]
    for stride in STRIDES:
        block = InvertedBottleneck(
            channels, channels, expansion=T, stride=stride, activation="relu6", shortcut=shortcut
        )
        block.project[-1] = nn.ReLU6() if end == "relu6" else nn.Identity()
        blocks.append(block)
    return nn.Sequential(*blocks, ConvUnit(channels, LAST, 1, activation="relu6"), global_average_pool())


def one_run(train: data.ImageSet, test: data.ImageSet, net: nn.Module, seed: int, epochs: int) -> dict[str, float]:
    """Train, and return the shares of training and of test digits that are named rightly."""
    criterion = losses.Softmax(LAST, train.n_classes, seed=seed)
    optimizer = torch.optim.SGD([*net.parameters(), *criterion.parameters()], lr=RATE, momentum=0.9, weight_decay=5e-4)
    steps = epochs * -(-len(train) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"epochs": epochs, "batch_size": BATCH, "seed": seed, "precision": "32-true"}
    history = training.fit(net, criterion, train, optimizer=optimizer, schedule=schedule, **recipe)
    net.eval()
    with torch.no_grad():
        logits = criterion(net(data.normalise(test.images)), test.labels).logits
    right = (logits.argmax(1) == test.labels).float().mean().item()
    return {"test": float(f"{right:.5g}"), "train": float(f"{history['accuracy'][-1]:.5g}")}


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Linear - ReLU6, seed by seed, in points of test accuracy: means with 95 % intervals."""
    of = {(run["channels"], run["shortcut"], run["end"], run["seed"]): 100 * run["test"] for run in runs}
    rows = []
    for channels, shortcut in sorted({key[:2] for key in of}):
        seeds = sorted({seed for c, s, _, seed in of if (c, s) == (channels, shortcut)})
        pairs = [[of.get((channels, shortcut, end, seed)) for end in ENDS] for seed in seeds]
        pairs = [pair for pair in pairs if None not in pair]
        if len(pairs) > 1:
            found = evaluation.paired_difference(*zip(*pairs, strict=True))
            name = f"linear - relu6, {channels} channels, {'with' if shortcut else 'without'} shortcut"
            rows.append(estimate(name, found, "points"))
    return rows
