"""Transfer to photographs of strangers, the folder ``COURSE_FACES``: what was learned before, and more people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from benchmarks import transfer_runs
from benchmarks.losses_on_faces import at_most, faces_folder
from benchmarks.transfer_setup import (
    FEATURES,
    GENTLE,
    LITE,
    LOGISTIC,
    NEAREST,
    ONE_CYCLE,
    SMALL,
    SVM,
    Setup,
    Source,
    Task,
)
from course_lib import data
from course_lib.weights.imagenet import imagenet

NAME = "transfer_faces"
USUAL = Setup(recipe=GENTLE, people=100, photographs=15)  # from nothing, too, better than at the full rate
FEW = (2, 5)  # photographs, to learn from fewer
GROWTH = (10, 30, USUAL.people, 150)
SIZE = (48, 40)  # height, width, as for ORL
NETWORKS: dict[str, dict[str, Any]] = {
    SMALL: {"width": 0.5, "embedding_dim": 128, "input_size": SIZE, "in_channels": 3},
    LITE: {"input_size": SIZE, "in_channels": 3},
}
SOURCES = {
    "CIFAR-10": Source(SMALL, lambda: data.objects()[0], "python data_scripts/get_cifar10.py"),
    "ImageNet": Source(
        LITE, lambda: imagenet(LITE, input_size=SIZE)[0], "python data_scripts/get_efficientnet_lite0.py"
    ),
}
SUITED = {"CIFAR-10": ONE_CYCLE, "ImageNet": GENTLE}  # the rate that was better, of a few runs tried


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    # Their terms forbid to hand the photographs on; the record names no path.
    everything = data.face_folder(faces_folder(), size=SIZE, source="COURSE_FACES")
    described = {"people_in_the_folder": everything.n_classes, "photographs_in_the_folder": len(everything)}
    described |= {"epochs_of": TASK.epochs_of, "stretch": TASK.stretch, "tested": TASK.tested}
    return transfer_runs.run(TASK, as_many_of_each(everything), **described)


def as_many_of_each(faces: data.ImageSet) -> data.ImageSet:
    """The people of whom there are enough photographs, and just so many of each, drawn by chance.

    Raises ``ValueError`` when these people are too few.
    """
    each, wanted = TASK.usual.photographs + TASK.tested, TASK.growth[-1] + TASK.strangers
    people = (faces.labels.bincount(minlength=faces.n_classes) >= each).nonzero().flatten()
    if len(people) < wanted:
        raise ValueError(
            f"COURSE_FACES holds {len(people)} people with {each} photographs or more, of {faces.n_classes} in all; "
            f"expected at least {wanted}: {TASK.growth[-1]} to learn and {TASK.strangers} strangers. Add people to the "
            "folder, for example of CelebA"
        )
    return at_most(faces.only(people), each, seed=0)


def plan(sources: Sequence[str]) -> list[Setup]:
    """Every question's setups, once each."""
    scratch = [replace(USUAL, network=network) for network in NETWORKS]
    tuned = [replace(USUAL, network=SOURCES[name].network, source=name, recipe=SUITED[name]) for name in sources]
    rates = [
        replace(setup, recipe=recipe)
        for setup in (USUAL, *tuned)
        for recipe in (ONE_CYCLE, GENTLE)
        if setup.network == SMALL
    ]
    held = [replace(setup, freeze="all") for setup in tuned]
    growing = [replace(USUAL, people=people) for people in GROWTH]
    before = [replace(USUAL, network=name, recipe=recipe) for name, recipe in product(FEATURES, (NEAREST, LOGISTIC))]
    # An SVM only of few photographs: of fifteen hundred, each person against all, it takes many minutes.
    svm = replace(USUAL, network="HOG", recipe=SVM)
    few = [replace(setup, photographs=k) for k in FEW for setup in (USUAL, *tuned, *held, *before, svm)]
    return list(dict.fromkeys([*scratch, *tuned, *rates, *held, *growing, *before, *few]))


TASK = Task(
    name=NAME,
    command=f"COURSE_FACES=FOLDER python -m benchmarks {NAME}",
    seeds=(0, 1, 2),
    usual=USUAL,
    tested=5,
    strangers=100,
    pairs=4_000,
    growth=GROWTH,
    epochs=16,
    epochs_of={LITE: 6},
    stretch=0.5,
    networks=NETWORKS,
    feature_size=SIZE,
    sources=SOURCES,
    recipes=(ONE_CYCLE, GENTLE),
    before=replace(USUAL, network="HOG", recipe=LOGISTIC),
    plan=plan,
    figures=("classifier", "training", "embedding", "strangers", "verification"),
)
