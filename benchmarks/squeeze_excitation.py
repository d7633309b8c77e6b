"""Squeeze and excitation where a far-away lamp says which digit is asked, where a near one does, and on ORL faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training
from course_lib.backbones.iresnet import ImprovedResidual, SqueezeExcitation

NAME = "squeeze_excitation"
SEEDS, FACE_SEEDS = tuple(range(6)), tuple(range(6))
LAMPS = ("far", "near")
SIDE, STRIP, CHANNELS, REDUCTION, DIGIT_EPOCHS, DIGIT_BATCH, DIGIT_RATE = 14, 16, 16, 4, 8, 100, 0.01
FACE_SIZE, DIM, FACE_EPOCHS, FACE_BATCH, FACE_RATE = (40, 32), 64, 40, 50, 0.1
REDUCED = {"blocks": (1, 1, 1, 1), "widths": (8, 16, 32, 64)}
TEST_PEOPLE, PAIRS = 10, 800


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    wanted = [(lamp, seed) for seed in SEEDS for lamp in LAMPS] + [("faces", seed) for seed in FACE_SEEDS]
    figures = sweep(wanted)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(wanted: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """One entry per task, seed and kind of network; a seed fixes data, first weights and order."""
    digits = {"side": SIDE, "strip": STRIP, "channels": CHANNELS, "reduction": REDUCTION, "epochs": DIGIT_EPOCHS}
    digits |= {"batch": DIGIT_BATCH, "rate": DIGIT_RATE}
    faces = {"size": list(FACE_SIZE), "epochs": FACE_EPOCHS, "batch": FACE_BATCH, "rate": FACE_RATE}
    faces |= {"unseen_people": TEST_PEOPLE, "pairs": PAIRS}
    settings = {"digits": digits, "faces": faces}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(run["task"], run["seed"], run["squeeze"]) for run in runs}
    missing = [(*one, squeeze) for one in wanted for squeeze in (False, True) if (*one, squeeze) not in done]
    for task, seed, squeeze in tqdm(missing, unit="run", disable=None):
        found = on_faces(squeeze, seed) if task == "faces" else on_digits(task, squeeze, seed)
        runs.append({"task": task, "seed": seed, "squeeze": squeeze, **found})
        write_record(NAME, f"python -m benchmarks {NAME}", sorted({run["seed"] for run in runs}), figures)
    return figures


def two_digits(digits: data.ImageSet, lamp: str, seed: int) -> tuple[data.ImageSet, Tensor]:
    """A red digit over a green one, and a blue lamp; and of each picture whether the lamp is on, a bool (N,).

    Asked is the red digit where the lamp is on, the green one where it is off. A ``"far"`` lamp is one bright square in
    the empty strip to the right of the digits, a ``"near"`` one is the light of the whole picture.
    """
    rng, n = np.random.default_rng(seed), len(digits)
    red, green, on = torch.arange(n), torch.from_numpy(rng.permutation(n)), torch.from_numpy(rng.random(n) < 0.5)
    pictures = torch.zeros(n, 3, SIDE, SIDE + STRIP, dtype=torch.uint8)
    pictures[:, 0, :, :SIDE], pictures[:, 1, :, :SIDE] = digits.images[red, 0], digits.images[green, 0]
    if lamp == "near":
        pictures[on, 2] = 255
    else:
        rows, columns = rng.integers(0, SIDE - 2, n), SIDE + STRIP - 1 - rng.integers(2, 5, n)
        for i in torch.nonzero(on).flatten().tolist():
            pictures[i, 2, rows[i] : rows[i] + 3, columns[i] : columns[i] + 3] = 255
    labels = torch.where(on, digits.labels[red], digits.labels[green])
    return data.ImageSet(pictures, labels, digits.names, digits.source), on


def network(squeeze: bool, seed: int) -> nn.Sequential:
    """Two improved residual units and the mean over all places: no unit sees more than a part of the picture."""
    reduction = REDUCTION if squeeze else None
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, CHANNELS, 3, padding=1, bias=False),
            nn.BatchNorm2d(CHANNELS),
            nn.PReLU(CHANNELS),
            ImprovedResidual(CHANNELS, CHANNELS, stride=2, squeeze=reduction),
            ImprovedResidual(CHANNELS, CHANNELS, stride=1, squeeze=reduction),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )


def on_digits(lamp: str, squeeze: bool, seed: int) -> dict[str, Any]:
    """The share of unseen pictures named rightly, and how far the factors of the last unit lie from one half."""
    train, test = (part.resized(SIDE, SIDE) for part in data.digits())
    (train, _), (test, on) = two_digits(train, lamp, seed), two_digits(test, lamp, seed + 1000)
    net, criterion = network(squeeze, seed), losses.Softmax(CHANNELS, 10, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.AdamW(weights, DIGIT_RATE, weight_decay=0.01)
    fitted(net, criterion, train, optimizer, DIGIT_EPOCHS, DIGIT_BATCH, DIGIT_RATE, seed)
    logits = criterion(torch.from_numpy(training.embed(net, test)), test.labels).logits
    found = {"named": round(float((logits.argmax(1) == test.labels).float().mean()), 4)}
    if squeeze:
        factors = factors_of(net, test.images)
        found["factors"] = [[round(float(value), 3) for value in factors[mask].mean(0)] for mask in (on, ~on)]
    return found


def on_faces(squeeze: bool, seed: int) -> dict[str, Any]:
    """A residual network of one unit a stage, trained until it names its photographs: SE's factors, and strangers."""
    faces = data.orl_faces().resized(*FACE_SIZE)
    people, others = data.split_by_identity(faces, n_test=TEST_PEOPLE, seed=seed)
    options = REDUCED | {"embedding_dim": DIM, "input_size": FACE_SIZE, "in_channels": 1, "seed": seed}
    net = backbones.create("iresnet18", **options, squeeze=REDUCTION if squeeze else None)
    criterion = losses.Softmax(DIM, people.n_classes, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, FACE_RATE, momentum=0.9, weight_decay=5e-4)
    augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
    history = fitted(net, criterion, people, optimizer, FACE_EPOCHS, FACE_BATCH, FACE_RATE, seed, augment=augment)
    pairs = data.verification_pairs(others.labels, PAIRS, seed=seed)
    scores = evaluation.cosine_scores(training.embed(net, others, flip=True), pairs.left, pairs.right)
    accuracy = evaluation.kfold_accuracy(scores, pairs.same).mean
    found = {"named": round(history["accuracy"][-1], 4), "accuracy": round(float(accuracy), 5)}
    if squeeze:
        factors = factors_of(net, others.images)
        low, middle, high = factors.quantile(torch.tensor([0.025, 0.5, 0.975])).tolist()
        found["factors"] = [round(value, 3) for value in (low, middle, high)]
        found["varies"] = round(float(factors.std(dim=0).mean()), 4)
    return found


def fitted(
    net: nn.Module,
    criterion: nn.Module,
    images: data.ImageSet,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
    **options: Any,
) -> training.History:
    """Train with a learning rate of one cycle."""
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-len(images) // batch))
    recipe = {"epochs": epochs, "batch_size": batch, "seed": seed, "precision": "32-true", "schedule": schedule}
    return training.fit(net, criterion, images, optimizer=optimizer, **recipe, **options)


@torch.no_grad()
def factors_of(net: nn.Module, images: Tensor) -> Tensor:
    """The factors (N, C) by which the last squeeze and excitation of a network multiplies its channels."""
    last, found = [part for part in net.modules() if isinstance(part, SqueezeExcitation)][-1], []
    handle = last.weights.register_forward_hook(lambda _, __, factors: found.append(factors))
    net.eval()(data.normalise(images))
    handle.remove()
    return found[0]


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With squeeze and excitation minus without, seed by seed, in points."""
    rows = []
    for task in dict.fromkeys(run["task"] for run in runs):
        for name in ("named", "accuracy"):
            of = [
                {
                    run["seed"]: 100 * run[name]
                    for run in runs
                    if (run["task"], run["squeeze"]) == (task, squeeze) and name in run
                }
                for squeeze in (True, False)
            ]
            seeds = sorted(of[0].keys() & of[1].keys())
            if len(seeds) > 1:
                ours, theirs = ([group[seed] for seed in seeds] for group in of)
                rows.append(
                    estimate(f"{task}, {name}: SE - none", evaluation.paired_difference(ours, theirs), "points")
                )
    return rows
