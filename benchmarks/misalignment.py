"""What misaligned landmarks cost on ORL: networks of notebook 01 on unseen people, over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training
from course_lib.alignment import MTCNN, perturb, similarity, template, warp

NAME = "misalignment"
SEEDS = tuple(range(8))
DISTANCES = (0, 1, 2, 3, 4, 6, 8)  # of each landmark, in pixels of a 112x112 crop
DRAWS = 4  # of the directions, for each network and distance
SIDE, EPOCHS = 56, 14
MOVED = 4  # pixels that landmarks of training photographs are off
TRAINED_ON = ("aligned", "same square", "moved once", "moved anew")  # anew: each time that a photograph is seen


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each seed."""
    figures = sweep(SEEDS, DISTANCES, DRAWS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(seeds: Sequence[int], distances: Sequence[int], draws: int, epochs: int) -> dict[str, Any]:
    """One run per seed: four networks, and their accuracy on every kind of crop of the same unseen people."""
    settings = {"distances": list(distances), "draws": draws, "side": SIDE, "epochs": epochs, "unseen_people": 10}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    faces = data.orl_faces()
    landmarks = orl_landmarks(faces)
    by_seed = {run["seed"]: run for run in runs}
    unfinished = [seed for seed in seeds if by_seed.get(seed, {"accuracy": {}})["accuracy"].keys() != set(TRAINED_ON)]
    for seed in tqdm(unfinished, unit="seed", disable=None):
        run = by_seed.setdefault(seed, {"seed": seed, "accuracy": {}})
        for name in (name for name in TRAINED_ON if name not in run["accuracy"]):
            run["accuracy"][name] = one_run(faces, landmarks, name, seed, distances, draws, epochs)
        figures["runs"] = list(by_seed.values())
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def one_run(
    faces: data.ImageSet,
    landmarks: np.ndarray,
    name: str,
    seed: int,
    distances: Sequence[int],
    draws: int,
    epochs: int,
) -> dict[str, list[float]]:
    """One network's accuracy on the same square, and at each distance the accuracies of all draws.

    All networks of a seed are tested on the same crops.
    """
    generator, training_draws = np.random.default_rng(1000 + seed), np.random.default_rng(2000 + seed)
    moved = cropped(faces, perturb(landmarks, MOVED, generator))
    square = cropped(faces, landmarks.mean(0))
    trained_on = {
        "aligned": lambda: [cropped(faces, landmarks)],
        "same square": lambda: [square],
        "moved once": lambda: [moved],
        "moved anew": lambda: [cropped(faces, perturb(landmarks, MOVED, training_draws)) for _ in range(epochs)],
    }
    network = train(trained_on[name](), seed, epochs)
    result = {"same square": [accuracy(network, square, seed)]}
    for distance in distances:
        tests = [cropped(faces, perturb(landmarks, distance, generator)) for _ in range(draws if distance else 1)]
        result[str(distance)] = [accuracy(network, crops, seed) for crops in tests]
    return result


def orl_landmarks(faces: data.ImageSet) -> np.ndarray:
    """The landmarks (400, 5, 2) of ORL's faces, found at twice their size with a border, as MTCNN needs around a face.

    Raises ValueError when a face is not found.
    """
    border, detector = 20, MTCNN(min_face=60)
    padded = [np.pad(image[0].numpy(), border, mode="edge").repeat(2, 0).repeat(2, 1) for image in faces.images]
    found = detector.detect_many(padded)
    if not all(found):
        raise ValueError(f"no face was found in photographs {[i for i, f in enumerate(found) if not f]} of ORL")
    # Pixel centres: photograph pixel x covers 2x and 2x + 1 of the enlarged one.
    return np.stack([(max(f, key=lambda face: face.area).landmarks - 0.5) / 2 - border for f in found])


def cropped(faces: data.ImageSet, landmarks: np.ndarray) -> data.ImageSet:
    """The faces brought to the template by their landmarks (N, 5, 2), or all by the same ones (5, 2)."""
    return replace(faces, images=warp(faces.images, similarity(landmarks, template(SIDE)), SIDE))


def train(versions: Sequence[data.ImageSet], seed: int, epochs: int) -> nn.Module:
    """A small MobileFaceNet with softmax on 30 people; what notebook 01 trains.

    Every photograph is seen ``epochs`` times: in one version all the time, or as often in each of several.
    """
    images, labels = (torch.cat([getattr(crops, part) for crops in versions]) for part in ("images", "labels"))
    people, _ = data.split_by_identity(replace(versions[0], images=images, labels=labels), n_test=10, seed=seed)
    epochs //= len(versions)
    network = backbones.create(
        "mobilefacenet", width=0.25, embedding_dim=64, input_size=(SIDE, SIDE), in_channels=1, seed=seed
    )
    criterion = losses.Softmax(64, people.n_classes, seed=seed)
    optimizer = torch.optim.SGD([*network.parameters(), *criterion.parameters()], 0.1, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=epochs * -(-len(people) // 50))
    recipe = {"schedule": schedule, "epochs": epochs, "batch_size": 50, "augment": data.RandomFlip(), "seed": seed}
    training.fit(network, criterion, people, optimizer=optimizer, precision="32-true", **recipe)
    return network


def accuracy(network: nn.Module, crops: data.ImageSet, seed: int) -> float:
    """Verification accuracy on 800 pairs of the ten people put aside."""
    _, unseen = data.split_by_identity(crops, n_test=10, seed=seed)
    pairs = data.verification_pairs(unseen.labels, 800, seed=seed)
    embeddings = training.embed(network, unseen, flip=True)
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
    return round(evaluation.kfold_accuracy(scores, pairs.same).mean, 5)


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Points of accuracy that the kinds of crop differ by, seed by seed."""

    def points(trained_on: str, tested_on: str) -> np.ndarray:
        return np.array([100 * np.mean(run["accuracy"][trained_on][tested_on]) for run in runs])

    aligned, anew = points("aligned", "0"), points("moved anew", "0")
    rows = {
        "aligned - same square, each trained and tested alike": aligned - points("same square", "same square"),
        "lost when landmarks are 4 pixels off": aligned - points("aligned", "4"),
        "lost when landmarks are 8 pixels off": aligned - points("aligned", "8"),
        "lost when trained on aligned, tested on the same square": aligned - points("aligned", "same square"),
        "tested on aligned: trained on faces moved once - on aligned": points("moved once", "0") - aligned,
        "tested on aligned: trained on faces moved anew - on aligned": anew - aligned,
        "tested at 8 pixels: trained on faces moved anew - on aligned": points("moved anew", "8")
        - points("aligned", "8"),
    }
    return [estimate(name, evaluation.mean_interval(found), unit="points") for name, found in rows.items()]
