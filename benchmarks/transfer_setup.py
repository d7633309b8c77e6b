"""What the transfer benchmarks are made of: networks, sources, recipes, a setup of these, and a task: whose faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from course_lib import data
from course_lib.training import classical

SMALL, LITE, DEEPFACE, NORMALISED = "mobiface_one_each", "efficientnet_lite0", "deepface", "deepface_lrn"
TITLES = {SMALL: "MobiFace", LITE: "EfficientNet-Lite0", DEEPFACE: "DeepFace", NORMALISED: "DeepFace of Basch et al."}
Networks = Mapping[str, Mapping[str, Any]]
"""For each network how it is built, as ``backbones.create`` takes it: at least ``input_size`` and ``in_channels``."""

# What there was before: a feature of grey photographs, some of which are learned from the same photographs.
FEATURES: dict[str, Callable[[data.ImageSet], classical.Feature]] = {
    "pixels": lambda _: classical.pixels,
    "eigenfaces": classical.eigenfaces,
    "HOG": lambda _: classical.hog,
}
NEAREST, SVM, LOGISTIC = "nearest photograph", "linear SVM", "logistic regression"


@dataclass(frozen=True)
class Source:
    """Where weights come from: ``network`` is trained on what ``read`` gives, or ``read`` gives it trained already."""

    network: str
    read: Callable[[], data.ImageSet | nn.Module]
    fetch: str = ""  # what brings it where it is missing


NOTHING = "nothing"


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


@dataclass(frozen=True)
class Setup:
    """One run.

    Attributes:
        network: of the task; or of ``FEATURES``, and then ``recipe`` is a classifier of ``classical``.
        source: of the task, or nothing.
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
    people: int = field(kw_only=True)
    photographs: int = field(kw_only=True)
    copies: int = 0
    longer: int = 1


@dataclass(frozen=True)
class Task:
    """One benchmark: how many people are learned and how, and what is asked.

    Attributes:
        name: of the benchmark and of its record.
        command: what writes the record.
        seeds: one run of each setup for each.
        usual: the setup that the others differ from.
        tested: other photographs of each person that is learned, to be named.
        strangers: people of whom nothing is learned, with as many photographs of each as of the others.
        pairs: of photographs of strangers.
        growth: numbers of people.
        epochs: over the usual people and photographs.
        epochs_of: those of networks that get fewer.
        stretch: over a part of them ``epochs / part ** stretch``; 1 makes up for the part: as many are looked at.
        networks: how they are built.
        feature_size: (height, width) of the photographs that ``FEATURES`` take, in pixels.
        sources: where weights come from.
        recipes: names of ``RECIPES``.
        before: the usual setup of what there was before.
        plan: from the sources that are on this machine, the setups, once each.
        figures: which figures of each setup stand in the table.
    """

    name: str
    command: str
    seeds: tuple[int, ...]
    usual: Setup
    tested: int
    strangers: int
    pairs: int
    growth: tuple[int, ...]
    epochs: float
    epochs_of: Mapping[str, float]
    stretch: float
    networks: Networks
    feature_size: tuple[int, int]
    sources: Mapping[str, Source]
    recipes: tuple[str, ...]
    before: Setup
    plan: Callable[[Sequence[str]], list[Setup]]
    figures: tuple[str, ...] = ("classifier",)

    def title(self, setup: Setup) -> str:
        """The setup in words, of what is not usual."""
        words = [TITLES.get(setup.network, setup.network), f"from {setup.source}" * (setup.source != NOTHING)]
        words += [setup.recipe * (setup.recipe != self.usual.recipe)]
        words += [f"{setup.people} people" * (setup.people != self.usual.people)]
        words += [{"none": "", "half": "frozen, then freed", "all": "frozen"}[setup.freeze]]
        words += [f"{setup.photographs} of each" * (setup.photographs != self.usual.photographs)]
        words += ["near copies" * (setup.copies > 0), f"{setup.longer} times as long" * (setup.longer > 1)]
        return ", ".join(filter(None, words))

    def epochs_over(self, photographs: int, setup: Setup) -> int:
        """How often so many photographs are gone through."""
        part = photographs / (self.usual.people * self.usual.photographs)
        return round(setup.longer * self.epochs_of.get(setup.network, self.epochs) / part**self.stretch)

    def has_curve(self, setup: Setup) -> bool:
        """Whether the test is taken after every epoch: where that costs little and the epochs are comparable."""
        usual = (self.usual.people, self.usual.photographs, 0)
        return (setup.people, setup.photographs, setup.copies) == usual


Answer = tuple[Setup, str]  # a run, and which of its figures


def questions(task: Task, setups: Sequence[Setup]) -> Iterator[tuple[str, Answer, Answer]]:
    """(what is asked, one figure, the other that is taken from it), where both runs are among ``setups``."""
    for one in setups:
        named, title = (one, "classifier"), task.title(one)
        for name, other in _opponents(task, one):
            if other in setups:
                yield f"{title} - {name}", named, (other, "classifier")
        if one.freeze != "none":
            yield f"{title}: a head trained to the end - by SGD", (one, "probe"), named
        if one.freeze == "all" and replace(one, freeze="none") in setups:
            all_trained = replace(one, freeze="none"), "classifier"
            yield f"{title}: a head trained to the end - all trained", (one, "probe"), all_trained
        if one.copies:
            yield f"{title}: the test that leaks - another", (one, "leak"), named
        if one == replace(task.usual, people=one.people):
            yield f"{title}: by cosine - by the classifier", (one, "embedding"), named


def _opponents(task: Task, one: Setup) -> Iterator[tuple[str, Setup]]:
    """What a run is compared with: in words, and the run."""
    if one.freeze != "none":
        yield "all trained", replace(one, freeze="none")
    elif one.source != NOTHING:
        yield "from nothing", replace(one, source=NOTHING, recipe=task.usual.recipe)
        if one.recipe == GENTLE:
            yield "at the full rate", replace(one, recipe=ONE_CYCLE)
    if one.recipe in (PLATEAU, LOW_PLATEAU, SMALL_CYCLE):
        yield "at 0.3 throughout", replace(one, recipe=FLAT)
    if one.longer > 1:
        yield "in the usual time", replace(one, longer=1)
    if one.source == "ImageNet" or one == replace(task.usual, photographs=one.photographs):
        yield task.title(task.before), replace(task.before, photographs=one.photographs)
