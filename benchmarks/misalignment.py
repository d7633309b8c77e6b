"""What misaligned landmarks cost on ORL: networks of notebook 01 on unseen people, over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import spread
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training
from course_lib.alignment import MTCNN, perturb, similarity, template, warp

NAME = "misalignment"
SEEDS = tuple(range(8))
DISTANCES = (0, 1, 2, 3, 4, 6, 8)  # of each landmark, in pixels of a 112x112 crop
DRAWS = 4  # of the directions, for each network and distance
SIDE, EPOCHS = 56, 14
TRAINED_ON = ("aligned", "same square", "moved 4 pixels")


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each seed."""
    figures = sweep(SEEDS, DISTANCES, DRAWS, EPOCHS)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(seeds: Sequence[int], distances: Sequence[int], draws: int, epochs: int) -> dict[str, Any]:
    """One run per seed: three networks, and their accuracy on every kind of crop of the same unseen people."""
    settings = {"distances": list(distances), "draws": draws, "side": SIDE, "epochs": epochs, "unseen_people": 10}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    faces = data.orl_faces()
    landmarks = orl_landmarks(faces)
    missing = [seed for seed in seeds if seed not in {run["seed"] for run in runs}]
    for seed in tqdm(missing, unit="seed", disable=None):
        runs.append({"seed": seed, "accuracy": one_seed(faces, landmarks, seed, distances, draws, epochs)})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def one_seed(
    faces: data.ImageSet, landmarks: np.ndarray, seed: int, distances: Sequence[int], draws: int, epochs: int
) -> dict[str, dict[str, list[float]]]:
    """For each network, the accuracy on the same square, and at each distance the accuracies of all draws."""
    generator = np.random.default_rng(1000 + seed)
    square = cropped(faces, landmarks.mean(0))
    trained_on = {
        "aligned": cropped(faces, landmarks),
        "same square": square,
        "moved 4 pixels": cropped(faces, perturb(landmarks, 4, generator)),
    }
    networks = {name: train(crops, seed, epochs) for name, crops in trained_on.items()}
    result: dict[str, dict[str, list[float]]] = {
        name: {"same square": [accuracy(network, square, seed)]} for name, network in networks.items()
    }
    for distance in distances:
        tests = [cropped(faces, perturb(landmarks, distance, generator)) for _ in range(draws if distance else 1)]
        for name, network in networks.items():
            result[name][str(distance)] = [accuracy(network, crops, seed) for crops in tests]
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


def train(crops: data.ImageSet, seed: int, epochs: int) -> nn.Module:
    """A small MobileFaceNet with softmax on 30 people; what notebook 01 trains."""
    people, _ = data.split_by_identity(crops, n_test=10, seed=seed)
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

    aligned = points("aligned", "0")
    rows = {
        "aligned - same square, each trained and tested alike": aligned - points("same square", "same square"),
        "lost when landmarks are 4 pixels off": aligned - points("aligned", "4"),
        "lost when landmarks are 8 pixels off": aligned - points("aligned", "8"),
        "lost when trained on aligned, tested on the same square": aligned - points("aligned", "same square"),
        "won back at 4 pixels by training on moved landmarks": points("moved 4 pixels", "4") - points("aligned", "4"),
    }
    return [spread(name, difference.tolist(), unit="points").plain() for name, difference in rows.items()]
