"""Kumar et al.'s comparison on photographs: MobileNetV2 at half width, softmax with and without center loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from benchmarks import budget
from benchmarks.budget import Budget
from benchmarks.center_loss_orl import RULERS, compare
from benchmarks.losses_on_faces import at_most, faces_folder
from benchmarks.record import recorded_runs, write_record
from benchmarks.view1 import TEST, view1
from course_lib import backbones, data, evaluation, losses, training

# Besides COURSE_FACES it needs LFW (data_scripts/get_lfw.py), of which View 1 alone is used. Nobody may be in both.
NAME = "center_loss_faces"
COMMAND = f"COURSE_FACES=FOLDER python -m benchmarks {NAME}"
SEEDS = (0, 1, 2, 3)
WEIGHTS = (0.0, 0.003, 0.03)  # the first that is not 0 is Wen et al.'s for faces
SIDE, DIM, WIDTH, BATCH, EPOCHS, RATE, DECAY = 64, 128, 0.5, 64, 30, 0.1, 5e-4
TEST_PEOPLE, A_PERSON, PAIRS = 60, 20, 6000


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    people = data.face_folder(faces_folder(), size=(SIDE, SIDE), source="COURSE_FACES")
    crops, pairs = view1()
    resize = {"size": (SIDE, SIDE), "mode": "area"}
    small = torch.cat([nn.functional.interpolate(part.float(), **resize).round().byte() for part in crops.split(500)])
    figures = sweep(people, small, pairs)
    return {**figures, "comparisons": compare(figures["runs"], FIGURES)}


def sweep(people: data.ImageSet, view: torch.Tensor, pairs: Mapping[str, data.Pairs]) -> dict[str, Any]:
    """One entry per seed and weight; a seed fixes people, photographs, pairs, first weights and order."""
    settings = {"people": people.n_classes, "side": SIDE, "width": WIDTH, "embedding_dim": DIM, "batch": BATCH}
    settings |= {"epochs": EPOCHS, "rate": RATE, "weight_decay": DECAY, "photographs_a_person": A_PERSON}
    settings |= {"unseen_people": TEST_PEOPLE, "pairs": PAIRS, "view1_pairs": len(pairs[TEST].same)}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(run["weight"], run["seed"]) for run in runs}
    wanted = [(weight, seed) for seed in SEEDS for weight in WEIGHTS]
    for weight, seed in tqdm([pair for pair in wanted if pair not in done], unit="run", disable=None):
        runs.append({"weight": weight, "seed": seed, **one_run(people, view, pairs, weight, seed)})
        write_record(NAME, COMMAND, list(SEEDS), figures)
    return figures


def one_run(
    people: data.ImageSet, view: torch.Tensor, pairs: Mapping[str, data.Pairs], weight: float, seed: int
) -> dict[str, float]:
    """Train on some people; judge by pairs of the others and by View 1, with the cosine and with the distance."""
    known, others = data.split_by_identity(people, n_test=TEST_PEOPLE, seed=seed)
    network, named = train(at_most(known, A_PERSON, seed), weight, seed)
    embeddings, labels = training.embed(network, others, flip=True), others.labels.numpy()
    unseen = data.verification_pairs(others.labels, PAIRS, seed=seed)
    lengths = np.linalg.norm(embeddings, axis=1)
    of_view = training.embed(network, view, flip=True)
    found = {"named": named, "length": float(lengths.mean())}
    for ruler, score in RULERS.items():
        scores = score(embeddings, unseen)
        found[f"accuracy_{ruler}"] = evaluation.kfold_accuracy(scores, unseen.same).mean
        development, test = (score(of_view, pairs[name]) for name in ("dev_train", TEST))
        threshold = evaluation.best_threshold(development, pairs["dev_train"].same)
        found[f"view1_{ruler}"] = float(((test >= threshold) == pairs[TEST].same).mean())
    found["ratio"] = evaluation.embedding_space(embeddings, labels).ratio
    found["ratio_of_directions"] = evaluation.embedding_space(embeddings / lengths[:, None], labels).ratio
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def train(people: data.ImageSet, weight: float, seed: int) -> tuple[nn.Module, float]:
    """A MobileNetV2 after softmax with center loss, and the share of its training photographs that it names."""
    shape = {"width": WIDTH, "embedding_dim": DIM, "input_size": SIDE, "stem_stride": 1}
    network = backbones.create("mobilenet_v2", **shape, seed=seed)
    criterion = losses.CenterLoss(DIM, people.n_classes, weight=weight, seed=seed)
    setup = Budget(rho=0.0, epochs=EPOCHS)
    options = {"rate": RATE, "weight_decay": DECAY, "batch_size": BATCH, "seed": seed}
    return network, budget.train(network, criterion, people, setup, **options).last["accuracy"]


FIGURES = {
    "accuracy_cosine": (100, "points"),
    "accuracy_distance": (100, "points"),
    "view1_cosine": (100, "points"),
    "view1_distance": (100, "points"),
    "ratio": (1, ""),
    "ratio_of_directions": (1, ""),
}
