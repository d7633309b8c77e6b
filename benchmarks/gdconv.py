"""One learned weight for each place of the last map, or their average: GDConv and GAP in the same network, paired."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import Comparison, estimate
from benchmarks.losses_on_faces import at_most
from benchmarks.misalignment import orl_landmarks
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training
from course_lib.alignment import similarity, template, warp

NAME = "gdconv"
COMMAND = f"COURSE_FACES=FOLDER python -m benchmarks {NAME}"
WIDTH, DIM, RATE, DECAY, FAR = 0.25, 64, 0.1, 5e-4, 0.01
AVERAGE, LEARNED = "average", "GDConv"
# How the weights of the places begin, and whether they are learned. Batch norm follows in all of them.
HEADS = {
    AVERAGE: ("equal", False),
    LEARNED: ("drawn", True),
    "drawn, never learned": ("drawn", False),
    "learned from the average": ("equal", True),
}


@dataclass(frozen=True)
class Trial:
    """What one comparison trains and tests on; the last map has ``side / 16`` places a side."""

    side: int
    batch: int
    epochs: int
    test_people: int
    pairs: int
    photographs: int  # of a person, at most


TRIALS = {"ORL": Trial(112, 25, 4, 10, 900, 10), "faces": Trial(56, 64, 8, 100, 6000, 20)}
PLAN = {"ORL": (tuple(HEADS), range(16)), "faces": ((AVERAGE, LEARNED), range(8))}


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; without ``COURSE_FACES`` only on ORL."""
    folder = os.environ.get("COURSE_FACES")
    figures = sweep("ORL", orl(), *PLAN["ORL"])
    if folder:
        figures = sweep("faces", faces_of(folder), *PLAN["faces"])
    return figures


def orl() -> data.ImageSet:
    """ORL's faces, brought to the template by their landmarks."""
    faces, side = data.orl_faces(), TRIALS["ORL"].side
    return replace(faces, images=warp(faces.images, similarity(orl_landmarks(faces), template(side)), side))


def faces_of(folder: str) -> data.ImageSet:
    """Aligned faces of a folder with one folder a person. Their terms forbid to hand them on: no path is recorded."""
    side = TRIALS["faces"].side
    return data.face_folder(folder, size=(side, side), colour=False, source="COURSE_FACES")


def sweep(name: str, faces: data.ImageSet, heads: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """One entry per head and seed; a seed fixes people, photographs, pairs, first weights and order."""
    settings = {"width": WIDTH, "embedding_dim": DIM, "rate": RATE, "weight_decay": DECAY, "far": FAR}
    settings |= {of: asdict(trial) for of, trial in TRIALS.items()}
    runs = recorded_runs(NAME, settings)
    done = {(run["faces"], run["head"], run["seed"]) for run in runs}
    missing = [(head, seed) for seed in seeds for head in heads if (name, head, seed) not in done]
    for head, seed in tqdm(missing, unit="run", disable=None):
        runs.append({"faces": name, "head": head, "seed": seed, **one_run(faces, TRIALS[name], head, seed)})
        write_record(NAME, COMMAND, sorted({run["seed"] for run in runs}), {"settings": settings, "runs": runs})
    figures = {"settings": settings, "runs": runs, "comparisons": compare(runs)}
    write_record(NAME, COMMAND, sorted({run["seed"] for run in runs}), figures)
    return figures


def one_run(faces: data.ImageSet, trial: Trial, head: str, seed: int) -> dict[str, Any]:
    """Train on some people and verify the others; of the places, the size of the weights and how far they moved."""
    people, others = data.split_by_identity(faces, n_test=trial.test_people, seed=seed)
    people = at_most(people, trial.photographs, seed)
    network = with_head(head, trial.side, seed)
    before = network.head[1][0].weight.detach().clone()
    named = train(network, people, trial, seed)
    pairs = data.verification_pairs(others.labels, trial.pairs, seed=seed)
    scores = evaluation.cosine_scores(training.embed(network, others, flip=True), pairs.left, pairs.right)
    weight = network.head[1][0].weight.detach()
    return {
        "people": people.n_classes,
        "photographs": len(people),
        "named": round(named, 5),
        "accuracy": round(evaluation.kfold_accuracy(scores, pairs.same).mean, 5),
        "tar": round(evaluation.tar_at_far(scores, pairs.same, FAR).tar, 5),
        "size": by_place(weight),
        "moved": by_place(weight - before),
    }


def with_head(head: str, side: int, seed: int) -> nn.Module:
    """A small MobileFaceNet whose last map is averaged or weighed as ``HEADS`` says; all else is drawn alike."""
    options = {"width": WIDTH, "embedding_dim": DIM, "input_size": (side, side), "in_channels": 1}
    network = backbones.create("mobilefacenet", **options, seed=seed)
    start, learned = HEADS[head]
    weight = network.head[1][0].weight  # (512, 1, H, W)
    if start == "equal":
        nn.init.constant_(weight, 1 / weight[0].numel())
    weight.requires_grad_(learned)
    return network


def train(network: nn.Module, people: data.ImageSet, trial: Trial, seed: int) -> float:
    """SGD with momentum and one cycle; returns the share of the last epoch's photographs that were named rightly."""
    criterion = losses.Softmax(DIM, people.n_classes, seed=seed)
    learned = [weight for weight in [*network.parameters(), *criterion.parameters()] if weight.requires_grad]
    optimizer = torch.optim.SGD(learned, RATE, momentum=0.9, weight_decay=DECAY)
    steps = trial.epochs * -(-len(people) // trial.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    recipe = {"schedule": schedule, "epochs": trial.epochs, "batch_size": trial.batch, "seed": seed}
    recipe |= {"augment": data.RandomFlip(), "precision": "32-true"}
    return float(training.fit(network, criterion, people, optimizer=optimizer, **recipe).last["accuracy"])


def by_place(weight: torch.Tensor) -> list[list[float]]:
    """The root mean square of weights (C, 1, H, W) over the channels: (H, W), in thousandths."""
    return [[round(value, 2) for value in row] for row in (1000 * weight[:, 0].square().mean(0).sqrt()).tolist()]


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each head - average, seed by seed, in points with 95 % intervals; and what so many seeds find 8 times in 10."""
    of: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for run in runs:
        of.setdefault((run["faces"], run["head"]), {})[run["seed"]] = run
    rows = []
    for faces, head in of:
        plain, weighed = of.get((faces, AVERAGE), {}), of[faces, head]
        seeds = sorted(plain.keys() & weighed.keys())
        if head == AVERAGE or len(seeds) < 3:
            continue
        for figure in ("accuracy", "tar"):
            a, b = ([100 * one[seed][figure] for seed in seeds] for one in (weighed, plain))
            name = f"{faces}: {figure}, {head} - average, {len(seeds)} seeds"
            rows.append(estimate(name, evaluation.paired_difference(a, b), "points"))
            least = smallest_found(np.subtract(a, b))
            rows.append(Comparison(f"{name}: found 8 times in 10", least, least, least, unit="points").plain())
    return rows


def smallest_found(differences: np.ndarray) -> float:
    """The true difference whose 95 % interval lies above zero in 80 % of experiments of this size and spread."""
    n = len(differences)
    t = stats.t.ppf(0.975, n - 1) + stats.t.ppf(0.8, n - 1)
    return float(t * np.std(differences, ddof=1) / np.sqrt(n))
