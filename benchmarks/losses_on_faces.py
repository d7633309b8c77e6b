"""Five criteria and two optimizers on photographs of strangers: the folder ``COURSE_FACES``, people kept apart."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn
from tqdm import tqdm

from benchmarks import budget
from benchmarks.budget import Budget
from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from course_lib import backbones, data, evaluation, losses, training

NAME = "losses_on_faces"
COMMAND = f"COURSE_FACES=FOLDER python -m benchmarks {NAME}"
SIDE, DIM, WIDTH, BATCH, RATE, DECAY, EPOCHS = 48, 128, 0.5, 64, 0.1, 5e-4, 16
TEST_PEOPLE, A_PERSON, PAIRS, FAR = 100, 20, 6000, 1e-2
SCALE, WARM_UP = 32.0, 2  # of the margins, in epochs
SEEDS, MORE_SEEDS = (0, 1, 2), (0, 1, 2, 3, 4)
RHOS = (0.02, 0.05, 0.2)
# Of a run: what the table calls it, its unit, and the factor to that unit.
FIGURES = {
    "accuracy": ("verification accuracy", "%", 100),
    "tar": (f"TAR at FAR {FAR:g}", "%", 100),
    "ratio": ("intra / inter", "", 1),
}


@dataclass(frozen=True)
class Setup(Budget):
    """What one run trains with."""

    criterion: str


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(faces_of_strangers(), plan())
    figures |= {"comparisons": compare(figures["runs"])}
    write_record(NAME, COMMAND, sorted({run["seed"] for run in figures["runs"]}), figures)
    return figures


def faces_of_strangers() -> data.ImageSet:
    """The photographs of ``faces_folder``, in the size that is trained on."""
    # Their terms forbid to hand the photographs on; the record names no path.
    return data.face_folder(faces_folder(), size=(SIDE, SIDE), source="COURSE_FACES")


def faces_folder() -> str:
    """The folder of ``COURSE_FACES``, one folder a person; raises ``RuntimeError`` when it is not set."""
    folder = os.environ.get("COURSE_FACES")
    if not folder:
        raise RuntimeError(
            "COURSE_FACES is not set; expected a folder of aligned faces, IDENTITY/IMAGE.jpg, of about 350 people, "
            "for example a part of CelebA or VGGFace2"
        )
    return folder


def plan() -> list[tuple[Setup, int]]:
    """Every criterion with SGD and with SAM at equal gradients; then SAM over rho, also at equal epochs."""
    equal = [Setup(rho, epochs, name) for name in CRITERIA for rho, epochs in ((0.0, EPOCHS), (0.05, EPOCHS // 2))]
    sweep = [Setup(rho, epochs, "softmax") for rho in RHOS for epochs in (EPOCHS // 2, EPOCHS)]
    softmax = [Setup(0.0, EPOCHS, "softmax"), *sweep]
    runs = [(setup, seed) for seed in SEEDS for setup in equal] + [(s, seed) for seed in MORE_SEEDS for s in softmax]
    return list(dict.fromkeys(runs))


def sweep(faces: data.ImageSet, runs_wanted: Sequence[tuple[Setup, int]]) -> dict[str, Any]:
    """One entry a setup and seed; a seed fixes people, photographs, pairs, weights and order."""
    settings = {"photographs": len(faces), "people": faces.n_classes, "side": SIDE, "width": WIDTH, "batch": BATCH}
    settings |= {"rate": RATE, "weight_decay": DECAY, "scale": SCALE, "warm_up_epochs": WARM_UP}
    settings |= {"test_people": TEST_PEOPLE, "photographs_a_person": A_PERSON, "pairs": PAIRS, "far": FAR}
    runs = recorded_runs(NAME, settings)
    figures = {"settings": settings, "runs": runs}
    done = {(Setup(run["rho"], run["epochs"], run["criterion"]), run["seed"]) for run in runs}
    seeds = sorted({seed for _, seed in runs_wanted})
    for setup, seed in tqdm([wanted for wanted in runs_wanted if wanted not in done], unit="run", disable=None):
        runs.append({**asdict(setup), "seed": seed, **one_run(faces, setup, seed)})
        write_record(NAME, COMMAND, seeds, figures)
    return figures


def one_run(faces: data.ImageSet, setup: Setup, seed: int) -> dict[str, float]:
    """Train on some people, and verify on the others."""
    people, others = data.split_by_identity(faces, n_test=TEST_PEOPLE, seed=seed)
    people = at_most(people, A_PERSON, seed)
    network = backbones.create(
        "mobilefacenet_relu", width=WIDTH, embedding_dim=DIM, input_size=(SIDE, SIDE), in_channels=3, seed=seed
    )
    criterion = CRITERIA[setup.criterion](people.n_classes, len(training.Batches(people, BATCH)), seed)
    options = {"rate": RATE, "weight_decay": DECAY, "batch_size": BATCH, "seed": seed}
    history = budget.train(network, criterion, people, setup, **options)
    embeddings = training.embed(network, others, flip=True)
    pairs = data.verification_pairs(others.labels, PAIRS, seed=seed)
    scores = evaluation.cosine_scores(embeddings, pairs.left, pairs.right)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    found = {
        "training": history.last["accuracy"],
        "accuracy": evaluation.kfold_accuracy(scores, pairs.same).mean,
        "tar": evaluation.tar_at_far(scores, pairs.same, FAR).tar,
        "ratio": evaluation.embedding_space(unit, others.labels.numpy()).ratio,
    }
    return {name: round(float(value), 5) for name, value in found.items()}


def at_most(faces: data.ImageSet, photographs: int, seed: int) -> data.ImageSet:
    """So many photographs of each person, drawn by chance."""
    order = np.random.default_rng(seed).permutation(len(faces))
    labels = faces.labels.numpy()[order]
    kept = np.concatenate([order[labels == person][:photographs] for person in range(faces.n_classes)])
    return faces.subset(np.sort(kept))


def margin(criterion: nn.Module, steps: int) -> nn.Module:
    """The criterion with its margin growing from nothing over the first epochs: few classes converge so."""
    return losses.margin_schedule(criterion, WARM_UP * steps)


# Each from (number of people, steps an epoch, seed).
CRITERIA: dict[str, Callable[[int, int, int], nn.Module]] = {
    "softmax": lambda n, _, seed: losses.Softmax(DIM, n, seed=seed),
    "softmax + center": lambda n, _, seed: losses.CenterLoss(DIM, n, weight=0.003, seed=seed),
    "CosFace": lambda n, steps, seed: margin(losses.CosFace(DIM, n, scale=SCALE, margin=0.2, seed=seed), steps),
    "ArcFace": lambda n, steps, seed: margin(losses.ArcFace(DIM, n, scale=SCALE, margin=0.3, seed=seed), steps),
    "MagFace": lambda n, steps, seed: margin(
        losses.MagFace(DIM, n, scale=SCALE, margin_bounds=(0.2, 0.5), seed=seed), steps
    ),
}


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each setup over its seeds, in three figures, and paired differences in accuracy; all with 95 % intervals."""
    of: dict[Setup, dict[int, dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(Setup(run["rho"], run["epochs"], run["criterion"]), {})[run["seed"]] = run
    rows = []
    for figure, (name, unit, times) in FIGURES.items():
        for setup, seeds in of.items():
            values = [times * run[figure] for run in seeds.values()]
            interval = evaluation.mean_interval(values)
            rows.append(estimate(f"{name}; {title(setup)}, {len(values)} seeds", interval, unit))
    for setup, found in of.items():
        plain = of.get(Setup(0.0, EPOCHS, setup.criterion), {})
        seeds = sorted(found.keys() & plain.keys())
        if setup.rho and len(seeds) > 1:
            ours, theirs = ([100 * runs[seed]["accuracy"] for seed in seeds] for runs in (found, plain))
            interval = evaluation.paired_difference(ours, theirs)
            name = f"{title(setup)} - SGD, {EPOCHS} epochs, {len(seeds)} seeds"
            rows.append(estimate(name, interval, "points"))
    return rows


def title(setup: Setup) -> str:
    """As it stands in the table."""
    optimizer = f"SAM, rho {setup.rho:g}" if setup.rho else "SGD"
    return f"{setup.criterion}, {optimizer}, {setup.epochs} epochs"
