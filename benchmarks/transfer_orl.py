"""Transfer to ORL: which source helps, what to freeze, how few photographs do, what came before, a test that leaks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.transforms.v2.functional import rgb_to_grayscale
from tqdm import tqdm

from benchmarks.comparison import Comparison
from benchmarks.record import recorded_runs, write_record
from benchmarks.transfer_plan import (
    FEATURE_SIZE,
    FEATURES,
    GROWTH,
    NEAREST,
    NETWORKS,
    NOTHING,
    ONE_CYCLE,
    PEOPLE,
    PHOTOGRAPHS,
    RECIPES,
    SOURCES,
    Setup,
    plan,
    questions,
)
from course_lib import backbones, data, evaluation, losses, training
from course_lib.training import classical

NAME = "transfer_orl"
SEEDS = (0, 1, 2, 3, 4)
STRANGERS, PAIRS, BATCH, DECAY = 10, 800, 25, 5e-4
EPOCHS = 12  # over all photographs; over fewer so many more, that as many are looked at
SOURCE_IMAGES, SOURCE_LOOKS, SOURCE_BATCH = 4_000, 10_000, 50  # at most so many images of a source; looks in all
AUGMENT = data.Compose((data.RandomFlip(), data.RandomShift(2)))
NEAR_COPY = data.Compose((data.RandomShift(1), data.RandomLight(0.1, 0.1)))
LEAK = 0.25  # share of the near copies that is put aside as a test: 5,000 of 20,000, as in Basch et al.


def main() -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run."""
    figures = sweep(SEEDS, plan)
    return {**figures, "comparisons": compare(figures["runs"])}


def sweep(seeds: Sequence[int], planned: Callable[[Sequence[str]], Sequence[Setup]]) -> dict[str, Any]:
    """One entry a setup and seed; a seed fixes people, photographs, pairs, first weights and order.

    A source that is not on this machine is left out, named, and trained when it has come: the record goes on.
    """
    sources, missing = read_sources()
    settings = {"epochs": EPOCHS, "batch": BATCH, "weight_decay": DECAY, "source_looks": SOURCE_LOOKS}
    settings["source_images_at_most"] = SOURCE_IMAGES
    settings |= {"strangers": STRANGERS, "pairs": PAIRS, "networks": {k: str(v) for k, v in NETWORKS.items()}}
    settings["rates_of_head_and_backbone"] = {name: [recipe.head, recipe.backbone] for name, recipe in RECIPES.items()}
    runs = recorded_runs(NAME, settings)
    described = {name: describe(source) for name, source in sources.items()}
    figures = {"settings": settings, "sources": described, "missing_sources": missing, "runs": runs}
    done = {(recorded(run), run["seed"]) for run in runs}
    wanted = [(setup, seed) for seed in seeds for setup in planned(list(sources)) if (setup, seed) not in done]
    faces, starts = data.orl_faces(), Starts(sources)
    for setup, seed in tqdm(wanted, unit="run", disable=None):
        found = before(faces, setup, seed) if setup.network in FEATURES else one_run(faces, setup, seed, starts)
        runs.append({**asdict(setup), "seed": seed, **found})
        write_record(NAME, f"python -m benchmarks {NAME}", list(seeds), figures)
    return figures


def recorded(run: dict[str, Any]) -> Setup:
    """The setup of a run in the record."""
    return Setup(**{field.name: run[field.name] for field in fields(Setup)})


def read_sources() -> tuple[dict[str, data.ImageSet | nn.Module], dict[str, str]]:
    """Each source that is here; and of each that is not, what would bring it."""
    found, missing = {}, {}
    for name, source in SOURCES.items():
        try:
            found[name] = source.read()
        except (FileNotFoundError, ModuleNotFoundError):
            missing[name] = source.fetch
            tqdm.write(f"Without {name}, which is not on this machine: {source.fetch}")
    return found, missing


def describe(source: data.ImageSet | nn.Module) -> dict[str, int]:
    """How many images and classes of it are used; nothing is said of weights that came ready."""
    if isinstance(source, nn.Module):
        return {}
    return {"images": min(len(source), SOURCE_IMAGES), "classes": source.n_classes}


class Starts:
    """Networks as training on ORL begins; each source is trained on once a seed."""

    def __init__(self, sources: dict[str, data.ImageSet | nn.Module]) -> None:
        self.sources = sources
        self.pretrained: dict[tuple[str, int], tuple[nn.Module, dict[str, float]]] = {}

    def network(self, setup: Setup, seed: int) -> tuple[nn.Module, dict[str, float]]:
        """The network, and what share of its source's images it named rightly at last."""
        if setup.source == NOTHING:
            return backbones.create(setup.network, **NETWORKS[setup.network], seed=seed), {}
        source = self.sources[setup.source]
        if isinstance(source, nn.Module):
            return copy.deepcopy(source), {}
        if (setup.source, seed) not in self.pretrained:
            network = backbones.create(setup.network, **NETWORKS[setup.network], seed=seed)
            named = pretrain(network, source, setup.network, seed)
            self.pretrained = {key: kept for key, kept in self.pretrained.items() if key[1] == seed}
            self.pretrained[setup.source, seed] = network, {"source_accuracy": named}
        return copy.deepcopy(self.pretrained[setup.source, seed])


def pretrain(network: nn.Module, source: data.ImageSet, name: str, seed: int) -> float:
    """By class, each source with as many looks; the share of the last epoch's images that were named rightly."""
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(seed))[:SOURCE_IMAGES]
    images = fitted(source.subset(order), name)
    epochs = max(1, round(SOURCE_LOOKS / len(images)))
    recipe = how(ONE_CYCLE, epochs * len(training.Batches(images, SOURCE_BATCH)), seed)
    options = {"batch_size": SOURCE_BATCH, "augment": data.RandomShift(2), "seed": seed, "precision": "32-true"}
    return round(training.pretrain(network, images, epochs=epochs, **recipe, **options).last["accuracy"], 4)


def how(name: str, steps: int, seed: int) -> dict[str, Any]:
    """Criterion, optimizer and schedule, as ``pretrain`` and ``transfer`` take them."""
    recipe = RECIPES[name]

    def sgd(backbone: nn.Module, criterion: nn.Module) -> torch.optim.Optimizer:
        groups = [(criterion, recipe.head), (backbone, recipe.backbone)]
        groups = [{"params": list(module.parameters()), "lr": rate} for module, rate in groups]
        return torch.optim.SGD(groups, momentum=0.9, weight_decay=DECAY)

    schedule = None if recipe.schedule is None else lambda optimizer: recipe.schedule(optimizer, steps)
    return {"criterion": partial(losses.Softmax, seed=seed), "optimizer": sgd, "schedule": schedule}


def fitted(images: data.ImageSet, network: str) -> data.ImageSet:
    """Of the size and channels that the network takes; grey photographs are repeated in three colours."""
    images = images.resized(*NETWORKS[network]["input_size"])
    there, wanted = images.images.shape[1], NETWORKS[network]["in_channels"]
    if there == wanted:
        return images
    return replace(
        images, images=rgb_to_grayscale(images.images) if wanted == 1 else images.images.expand(-1, 3, -1, -1)
    )


@dataclass(frozen=True)
class Split:
    """Photographs to learn from and others of the same people; of strangers, some to enrol and some to name.

    ``leak`` are pictures of people of ``train`` too, but near copies of photographs of which others are in ``train``.
    """

    train: data.ImageSet
    test: data.ImageSet
    leak: data.ImageSet | None
    gallery: data.ImageSet
    probes: data.ImageSet
    strangers: data.ImageSet


def split(faces: data.ImageSet, setup: Setup, seed: int) -> Split:
    """The same test for the same people, however many photographs there are to learn from."""
    people, strangers = data.split_by_identity(faces, STRANGERS, seed=seed)
    pool, test = data.split_by_image(people.only(range(setup.people)), 0.5, seed=seed)
    train, leak = at_most(pool, setup.photographs), None
    if setup.copies:
        pictures = training.views(train, NEAR_COPY, setup.copies, seed=seed)
        pictures = replace(train, images=pictures.images, labels=train.labels.repeat(1 + setup.copies))
        train, leak = data.split_by_image(pictures, LEAK, seed=seed)
    gallery, probes = data.split_by_image(strangers, 0.5, seed=seed)
    return Split(train, test, leak, at_most(gallery, setup.photographs), probes, strangers)


def at_most(photographs: data.ImageSet, count: int) -> data.ImageSet:
    """The first ``count`` of each person."""
    numbers = [(photographs.labels == person).nonzero().flatten()[:count] for person in range(photographs.n_classes)]
    return photographs.subset(torch.cat(numbers))


def one_run(faces: data.ImageSet, setup: Setup, seed: int, starts: Starts) -> dict[str, Any]:
    """Shares named rightly: by the classifier, by cosine, of strangers; pairs of these decided rightly.

    A run that diverges names nobody. A network whose embeddings are zero has no cosines, and none are given.
    """
    faces = fitted(faces, setup.network)
    parts = split(faces, setup, seed)
    network, found = starts.network(setup, seed)
    try:
        result = train(network, parts, setup, seed)
    except training.NonFiniteError:
        return {**found, "diverged": True, "classifier": 0.0, "training": 0.0}
    found |= {"training": result.history.last["accuracy"], "classifier": result.accuracy(parts.test)}
    if parts.leak is not None:
        found["leak"] = result.accuracy(parts.leak)
    found |= dict(by_embedding(result, parts, seed))
    if setup.people < PEOPLE:
        found["enrolled"] = [grown(result, faces, setup, seed, people) for people in GROWTH if people >= setup.people]
    if setup.has_curve:
        found["by_epoch"] = result.history["test_accuracy"]
    return {name: rounded(value) for name, value in found.items()}


def train(network: nn.Module, parts: Split, setup: Setup, seed: int) -> training.Transferred:
    """The setup's recipe, over as many looks at photographs as any other's (where it is not asked for more)."""
    epochs = round(setup.longer * EPOCHS * PEOPLE * PHOTOGRAPHS / len(parts.train))
    recipe = how(setup.recipe, epochs * len(training.Batches(parts.train, BATCH)), seed)
    freeze = {"freeze": "none" if setup.freeze == "none" else "all"}
    freeze |= {"unfreeze_at": epochs // 2} if setup.freeze == "half" else {}
    options = {"batch_size": BATCH, "augment": AUGMENT, "seed": seed, "precision": "32-true"}
    test = parts.test if setup.has_curve else None
    return training.transfer(network, parts.train, epochs=epochs, test=test, **freeze, **recipe, **options)


def by_embedding(result: training.Transferred, parts: Split, seed: int) -> Iterator[tuple[str, float]]:
    """A classifier trained to the end on embeddings as they are; then cosines: with photographs that were learned, of
    strangers with others of theirs, of pairs."""

    def embedded(photographs: data.ImageSet | torch.Tensor) -> np.ndarray:
        return training.embed(result.backbone, photographs)

    seen = torch.cat([part.images for part in (parts.train, parts.test, parts.strangers)])
    if not embedded(seen).any(axis=1).all():
        return
    probe = classical.train_classifier("logistic regression", embedded, parts.train)
    yield "probe", share(probe, embedded, parts.test)
    yield "embedding", result.enrol(parts.train).accuracy(parts.test)
    yield "strangers", result.enrol(parts.gallery).accuracy(parts.probes)
    mirrored = training.embed(result.backbone, parts.strangers, flip=True)
    yield "verification", verified(mirrored, parts.strangers, seed)


def verified(embeddings: np.ndarray, people: data.ImageSet, seed: int) -> float:
    """Ten-fold accuracy on pairs of the people."""
    pairs = data.verification_pairs(people.labels, PAIRS, seed=seed)
    return evaluation.kfold_accuracy(evaluation.cosine_scores(embeddings, pairs.left, pairs.right), pairs.same).mean


def grown(result: training.Transferred, faces: data.ImageSet, setup: Setup, seed: int, people: int) -> float:
    """So many people enrolled, most of whom the network was not trained on."""
    parts = split(faces, replace(setup, people=people), seed)
    return result.enrol(parts.train).accuracy(parts.test)


def before(faces: data.ImageSet, setup: Setup, seed: int) -> dict[str, Any]:
    """A feature and a classifier from before deep learning, on the same splits; the nearest also on strangers."""
    parts = split(faces.resized(*FEATURE_SIZE), setup, seed)
    feature = FEATURES[setup.network](parts.train)
    classifier = classical.train_classifier(setup.recipe, feature, parts.train, seed=seed)
    found = {"classifier": share(classifier, feature, parts.test)}
    if parts.leak is not None:
        found["leak"] = share(classifier, feature, parts.leak)
    if setup.recipe == NEAREST:
        enrolled = classical.train_classifier(NEAREST, feature, parts.gallery)
        standardised = classifier[:-1].transform(feature(parts.strangers))
        found["strangers"] = share(enrolled, feature, parts.probes)
        found["verification"] = verified(standardised, parts.strangers, seed)
    return {name: rounded(value) for name, value in found.items()}


def share(classifier: Any, feature: classical.Feature, photographs: data.ImageSet) -> float:
    """Of the photographs, those named rightly."""
    return float(np.mean(classifier.predict(feature(photographs)) == photographs.labels.numpy()))


def rounded(value: Any) -> Any:
    """Four digits, of a number or of each in a list."""
    return [round(float(one), 4) for one in value] if isinstance(value, list) else round(float(value), 4)


def compare(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per cent named rightly by each setup, and paired differences in points; means over the seeds, 95 % intervals."""
    of: dict[Setup, dict[int, dict[str, Any]]] = {}
    for run in runs:
        of.setdefault(recorded(run), {})[run["seed"]] = run
    rows = []
    for setup, results in of.items():
        values = [100 * run["classifier"] for run in results.values()]
        if len(values) > 1:
            rows.append(row(str(setup), sum(values) / len(values), evaluation.mean_interval(values), "%"))
    for name, (one, field), (other, other_field) in questions(list(of)):
        a, b = of[one], of.get(other, {})
        seeds = sorted(seed for seed in a.keys() & b.keys() if field in a[seed] and other_field in b[seed])
        if len(seeds) > 1:
            pair = [100 * a[seed][field] for seed in seeds], [100 * b[seed][other_field] for seed in seeds]
            interval = evaluation.paired_difference(*pair)
            rows.append(row(name, (interval.low + interval.high) / 2, interval, "points"))
    return rows


def row(name: str, value: float, interval: evaluation.Interval, unit: str) -> dict[str, Any]:
    """One line of the table."""
    return Comparison(name, value, interval.low, interval.high, unit=unit).plain()
