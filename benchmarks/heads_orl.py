"""MobiFace's three heads on ORL over seeds: unseen people, as they are and moved, with and without the mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training

NAME = "heads_orl"
SEEDS = tuple(range(12))
HEADS = ("gap", "gdconv", "fc")
MOVES = (0, 2, 4, 6, 8)  # pixels, of each photograph, in either direction
SIZE, WIDTH, DIM, BATCH, EPOCHS, RATE, DECAY = (64, 52), 0.25, 512, 50, 12, 0.03, 5e-4
TEST_PEOPLE, PAIRS = 10, 900


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(SEEDS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(seeds: Sequence[int], epochs: int) -> dict[str, Any]:
    """One run for each seed and head; a seed fixes people, pairs, first weights, order and how the faces are moved."""
    settings = {"size": list(SIZE), "width": WIDTH, "embedding_dim": DIM, "batch": BATCH, "epochs": epochs}
    settings |= {"rate": RATE, "weight_decay": DECAY, "unseen_people": TEST_PEOPLE, "pairs": PAIRS}
    settings |= {"moves": list(MOVES)}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(run["seed"], run["head"]) for run in runs}
    faces = data.orl_faces().resized(*SIZE)
    for seed, head in tqdm([s for s in product(seeds, HEADS) if s not in done], unit="run", disable=None):
        runs.append({"seed": seed, "head": head, **one_run(faces, head, seed, epochs)})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def one_run(faces: data.ImageSet, head: str, seed: int, epochs: int) -> dict[str, Any]:
    """Train on some people; the accuracy on pairs of the others, moved further and further, and with mirror images."""
    people, others = data.split_by_identity(faces, n_test=TEST_PEOPLE, seed=seed)
    net, named = train(people, head, seed, epochs)
    pairs = data.verification_pairs(others.labels, PAIRS, seed=seed)

    def accuracy(images: torch.Tensor, flip: bool = False) -> float:
        embeddings = training.embed(net, images, flip=flip)
        scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
        return float(f"{evaluation.kfold_accuracy(scores, pairs.same).mean:.5g}")

    moved = [data.RandomShift(pixels)(others.images, torch.Generator().manual_seed(seed)) for pixels in MOVES]
    found = {"named": float(f"{named:.5g}"), "moved": [accuracy(images) for images in moved]}
    return found | {"mirrored_too": accuracy(others.images, flip=True)}


def train(people: data.ImageSet, head: str, seed: int, epochs: int) -> tuple[nn.Module, float]:
    """MobiFace with one block a row, trained on photographs that are never moved, and the share of them it names."""
    options = {"width": WIDTH, "embedding_dim": DIM, "input_size": SIZE, "in_channels": 1}
    net = backbones.create("mobiface_one_each", head=head, **options, seed=seed)
    criterion = losses.Softmax(net.embedding_dim, people.n_classes, seed=seed)
    weights = [*net.parameters(), *criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=0.9, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * -(-len(people) // BATCH))
    recipe = {"epochs": epochs, "batch_size": BATCH, "augment": data.RandomFlip(), "seed": seed}
    recipe |= {"schedule": schedule, "precision": "32-true"}
    history = training.fit(net, criterion, people, optimizer=optimizer, **recipe)
    return net, history["accuracy"][-1]


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Heads against gap at each move, and the mirror image against none, in points: means with 95 % intervals."""
    of: dict[str, dict[int, dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(run["head"], {})[run["seed"]] = run
    rows = []
    for head, by_seed in sorted(of.items()):
        mirrored = [100 * run["mirrored_too"] for run in by_seed.values()]
        plain = [100 * run["moved"][0] for run in by_seed.values()]
        if len(plain) > 1:
            found = evaluation.paired_difference(mirrored, plain)
            rows.append(estimate(f"{head}: with the mirror image - without", found, "points"))
        seeds = sorted(by_seed.keys() & of.get("gap", {}).keys())
        if head == "gap" or len(seeds) < 2:
            continue
        for place, pixels in enumerate(MOVES):
            a, b = ([100 * of[one][seed]["moved"][place] for seed in seeds] for one in (head, "gap"))
            rows.append(estimate(f"{head} - gap, moved by {pixels}", evaluation.paired_difference(a, b), "points"))
    return rows
