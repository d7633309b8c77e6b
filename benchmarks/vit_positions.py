"""What a small vision transformer makes of positions: digits by the size of a patch; and how long ORL faces take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training

NAME = "vit_positions"
SEEDS, FACE_SEEDS = tuple(range(6)), tuple(range(4))
PATCHES = (4, 7, 14)
BLOCKS = {"dim": 48, "depth": 4, "heads": 4, "mlp": 96}
DIM, DIGIT_EPOCHS, DIGIT_BATCH, FACE_SIZE, FACE_PATCH, FACE_BATCH = 64, 6, 50, (56, 48), 8, 50
RATE, DECAY = 0.003, 0.1  # AdamW, of the transformers
SGD_RATE, SGD_DECAY, WIDTH = 0.1, 5e-4, 0.25  # of MobileFaceNet
# What is trained on faces, with its epochs.
FACE_RUNS = (("with", 12), ("with", 120), ("without", 120), ("MobileFaceNet", 12), ("MobileFaceNet", 120))
TEST_PEOPLE, PAIRS = 10, 800


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    digits = [("digits", patch, positions, DIGIT_EPOCHS) for patch in PATCHES for positions in ("with", "without")]
    faces = [("faces", FACE_PATCH, kind, epochs) for kind, epochs in FACE_RUNS]
    figures = sweep(
        [(*one, seed) for seed in SEEDS for one in digits] + [(*one, s) for s in FACE_SEEDS for one in faces]
    )
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(wanted: Sequence[tuple[str, int, str, int, int]]) -> dict[str, Any]:
    """One entry per (task, patch, kind, epochs, seed); a seed fixes people, pairs, first weights and order."""
    settings = {
        "digits": {"batch": DIGIT_BATCH},
        "faces": {"size": list(FACE_SIZE), "batch": FACE_BATCH},
        "blocks": BLOCKS,
    }
    settings |= {"rate": RATE, "weight_decay": DECAY, "unseen_people": TEST_PEOPLE, "pairs": PAIRS}
    settings |= {"mobilefacenet": {"rate": SGD_RATE, "weight_decay": SGD_DECAY, "width": WIDTH}}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    names = ("task", "patch", "kind", "epochs", "seed")
    done = {tuple(run[name] for name in names) for run in runs}
    for one in tqdm([one for one in wanted if one not in done], unit="run", disable=None):
        task, patch, kind, epochs, seed = one
        found = on_digits(patch, kind, epochs, seed) if task == "digits" else on_faces(kind, epochs, seed)
        runs.append({**dict(zip(names, one, strict=True)), **found})
        write_record(NAME, f"python -m benchmarks {NAME}", sorted({run["seed"] for run in runs}), figures)
    return figures


def network(kind: str, size: tuple[int, int], patch: int, seed: int) -> nn.Module:
    """The small transformer, with its positions or with all of them held at zero; or a narrow MobileFaceNet."""
    options = {"embedding_dim": DIM, "input_size": size, "in_channels": 1, "seed": seed}
    if kind == "MobileFaceNet":
        return backbones.create("mobilefacenet", width=WIDTH, **options)
    net = backbones.create("vit_tiny", patch=patch, **BLOCKS, **options)
    if kind == "without":
        nn.init.zeros_(net.positions).requires_grad_(False)
    return net


def train(
    net: nn.Module, kind: str, images: data.ImageSet, epochs: int, batch: int, seed: int, **options: Any
) -> tuple[nn.Module, list[float]]:
    """The criterion, and the share of the training images named in each epoch, by the optimizer usual for the kind."""
    criterion = losses.Softmax(DIM, images.n_classes, seed=seed)
    weights = [*(p for p in net.parameters() if p.requires_grad), *criterion.parameters()]
    if kind == "MobileFaceNet":
        rate, optimizer = SGD_RATE, torch.optim.SGD(weights, SGD_RATE, momentum=0.9, weight_decay=SGD_DECAY)
    else:
        rate, optimizer = RATE, torch.optim.AdamW(weights, RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-len(images) // batch))
    recipe = {"epochs": epochs, "batch_size": batch, "seed": seed, "precision": "32-true", "schedule": schedule}
    history = training.fit(net, criterion, images, optimizer=optimizer, **recipe, **options)
    return criterion, [round(share, 4) for share in history["accuracy"]]


def on_digits(patch: int, kind: str, epochs: int, seed: int) -> dict[str, Any]:
    """The share of 1,000 unseen digits named rightly."""
    train_digits, test = data.digits()
    net = network(kind, (28, 28), patch, seed)
    criterion, named = train(net, kind, train_digits, epochs, DIGIT_BATCH, seed)
    logits = criterion(torch.from_numpy(training.embed(net, test)), test.labels).logits
    right = (logits.argmax(1) == test.labels).float().mean()
    return {"named": named, "accuracy": round(float(right), 4)}


def on_faces(kind: str, epochs: int, seed: int) -> dict[str, Any]:
    """The share of the training photographs named in each epoch, and the accuracy on pairs of strangers."""
    faces = data.orl_faces().resized(*FACE_SIZE)
    people, others = data.split_by_identity(faces, n_test=TEST_PEOPLE, seed=seed)
    net = network(kind, FACE_SIZE, FACE_PATCH, seed)
    augment = data.Compose((data.RandomFlip(), data.RandomShift(3)))
    _, named = train(net, kind, people, epochs, FACE_BATCH, seed, augment=augment)
    pairs = data.verification_pairs(others.labels, PAIRS, seed=seed)
    scores = evaluation.cosine_scores(training.embed(net, others, flip=True), pairs.left, pairs.right)
    return {"named": named, "accuracy": round(float(evaluation.kfold_accuracy(scores, pairs.same).mean), 5)}


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With positions minus without on digits; on faces each with the transformer of as many epochs; in points."""
    of: dict[tuple, dict[int, float]] = {}
    for run in runs:
        key = (run["task"], run["patch"], run["epochs"], run["kind"])
        of.setdefault(key, {})[run["seed"]] = 100 * run["accuracy"]
    rows = []
    for (task, patch, epochs, kind), found in of.items():
        rival = of.get((task, patch, epochs, "with"), {})
        seeds = sorted(found.keys() & rival.keys())
        if kind != "with" and len(seeds) > 1:
            interval = evaluation.paired_difference([rival[s] for s in seeds], [found[s] for s in seeds])
            rows.append(
                estimate(f"{task}, patches of {patch}, {epochs} epochs: with positions - {kind}", interval, "points")
            )
    return rows
