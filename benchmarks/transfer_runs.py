"""The runs of a transfer benchmark: from a task to its record, and to the table of its comparisons."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize
from torchvision.transforms.v2.functional import rgb_to_grayscale
from tqdm import tqdm

from benchmarks.comparison import estimate
from benchmarks.record import recorded_runs, write_record
from benchmarks.transfer_setup import FEATURES, LOGISTIC, NEAREST, NOTHING, ONE_CYCLE, RECIPES, Setup, Task, questions
from course_lib import backbones, data, evaluation, losses, training
from course_lib.training import classical

BATCH, DECAY = 25, 5e-4
SOURCE_IMAGES, SOURCE_LOOKS, SOURCE_BATCH = 4_000, 10_000, 50  # at most so many images of a source; looks in all
AUGMENT = data.Compose((data.RandomFlip(), data.RandomShift(2)))
NEAR_COPY = data.Compose((data.RandomShift(1), data.RandomLight(0.1, 0.1)))
LEAK = 0.25  # share of the near copies that is put aside as a test: 5,000 of 20,000, as in Basch et al.


def run(task: Task, faces: data.ImageSet, **described: Any) -> dict[str, Any]:
    """Train what the record does not hold yet; the record is written after each run.

    ``described`` is what else is said among the settings: a record of other settings is not gone on with.
    """
    figures = sweep(task, faces, **described)
    return {**figures, "comparisons": compare(task, figures["runs"])}


def sweep(task: Task, faces: data.ImageSet, **described: Any) -> dict[str, Any]:
    """One entry a setup and seed; a seed fixes people, photographs, pairs, first weights and order.

    A source that is not on this machine is left out, named, and trained when it has come: the record goes on.
    """
    sources, missing = read_sources(task)
    settings = {"epochs": task.epochs, "batch": BATCH, "weight_decay": DECAY, "source_looks": SOURCE_LOOKS}
    settings["source_images_at_most"] = SOURCE_IMAGES
    settings |= {"strangers": task.strangers, "pairs": task.pairs}
    settings["networks"] = {name: str(options) for name, options in task.networks.items()}
    rates = {name: [RECIPES[name].head, RECIPES[name].backbone] for name in task.recipes}
    settings |= {"rates_of_head_and_backbone": rates, **described}
    runs = recorded_runs(task.name, settings)
    sources_described = {name: describe(source) for name, source in sources.items()}
    figures = {"settings": settings, "sources": sources_described, "missing_sources": missing, "runs": runs}
    done = {(recorded(run), run["seed"]) for run in runs}
    wanted = [(setup, seed) for seed in task.seeds for setup in task.plan(list(sources)) if (setup, seed) not in done]
    starts = Starts(task, sources)
    for setup, seed in tqdm(wanted, unit="run", disable=None):
        in_features = setup.network in FEATURES
        found = before(task, faces, setup, seed) if in_features else one_run(task, faces, setup, seed, starts)
        runs.append({**asdict(setup), "seed": seed, **found})
        write_record(task.name, task.command, list(task.seeds), figures)
    return figures


def recorded(run: dict[str, Any]) -> Setup:
    """The setup of a run in the record."""
    return Setup(**{field.name: run[field.name] for field in fields(Setup)})


def read_sources(task: Task) -> tuple[dict[str, data.ImageSet | nn.Module], dict[str, str]]:
    """Each source that is here; and of each that is not, what would bring it."""
    found, missing = {}, {}
    for name, source in task.sources.items():
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
    """Networks as training on faces begins; each source is trained on once a seed."""

    def __init__(self, task: Task, sources: dict[str, data.ImageSet | nn.Module]) -> None:
        self.task, self.sources = task, sources
        self.pretrained: dict[tuple[str, int], tuple[nn.Module, dict[str, float]]] = {}

    def network(self, setup: Setup, seed: int) -> tuple[nn.Module, dict[str, float]]:
        """The network, and what share of its source's images it named rightly at last."""
        if setup.source == NOTHING:
            return backbones.create(setup.network, **self.task.networks[setup.network], seed=seed), {}
        source = self.sources[setup.source]
        if isinstance(source, nn.Module):
            return copy.deepcopy(source), {}
        if (setup.source, seed) not in self.pretrained:
            options = self.task.networks[setup.network]
            network = backbones.create(setup.network, **options, seed=seed)
            named = pretrain(network, fitted(sample(source, seed), **options), seed)
            self.pretrained = {key: kept for key, kept in self.pretrained.items() if key[1] == seed}
            self.pretrained[setup.source, seed] = network, {"source_accuracy": named}
        return copy.deepcopy(self.pretrained[setup.source, seed])


def sample(source: data.ImageSet, seed: int) -> data.ImageSet:
    """As many of the images as are used, drawn by chance."""
    return source.subset(torch.randperm(len(source), generator=torch.Generator().manual_seed(seed))[:SOURCE_IMAGES])


def pretrain(network: nn.Module, images: data.ImageSet, seed: int) -> float:
    """By class, each source with as many looks; the share of the last epoch's images that were named rightly."""
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


def fitted(images: data.ImageSet, *, input_size: tuple[int, int], in_channels: int, **_: Any) -> data.ImageSet:
    """As a network of these options takes them: scaled, colours turned to grey, or grey repeated in three colours."""
    images = images.resized(*input_size)
    pixels = images.images
    if pixels.shape[1] == in_channels:
        return images
    return replace(images, images=rgb_to_grayscale(pixels) if in_channels == 1 else pixels.expand(-1, 3, -1, -1))


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


def split(task: Task, faces: data.ImageSet, setup: Setup, seed: int) -> Split:
    """The same test for the same people, however many photographs there are to learn from."""
    held_out = task.tested / (task.usual.photographs + task.tested)
    people, strangers = data.split_by_identity(faces, task.strangers, seed=seed)
    pool, test = data.split_by_image(people.only(range(setup.people)), held_out, seed=seed)
    train, leak = at_most(pool, setup.photographs), None
    if setup.copies:
        pictures = training.views(train, NEAR_COPY, setup.copies, seed=seed)
        pictures = replace(train, images=pictures.images, labels=train.labels.repeat(1 + setup.copies))
        train, leak = data.split_by_image(pictures, LEAK, seed=seed)
    gallery, probes = data.split_by_image(strangers, held_out, seed=seed)
    return Split(train, test, leak, at_most(gallery, setup.photographs), probes, strangers)


def at_most(photographs: data.ImageSet, count: int) -> data.ImageSet:
    """The first ``count`` of each person."""
    numbers = [(photographs.labels == person).nonzero().flatten()[:count] for person in range(photographs.n_classes)]
    return photographs.subset(torch.cat(numbers))


def one_run(task: Task, faces: data.ImageSet, setup: Setup, seed: int, starts: Starts) -> dict[str, Any]:
    """Shares named rightly: by the classifier, by cosine, of strangers; pairs of these decided rightly.

    A run that diverges names nobody. A network whose embeddings are zero has no cosines, and none are given.
    """
    faces = fitted(faces, **task.networks[setup.network])
    parts = split(task, faces, setup, seed)
    network, found = starts.network(setup, seed)
    try:
        result = train(task, network, parts, setup, seed)
    except training.NonFiniteError:
        return {**found, "diverged": True, "classifier": 0.0, "training": 0.0}
    found |= {"training": result.history.last["accuracy"], "classifier": result.accuracy(parts.test)}
    if parts.leak is not None:
        found["leak"] = result.accuracy(parts.leak)
    found |= dict(by_embedding(task, result.backbone, parts, seed))
    if setup == replace(task.usual, people=setup.people) and setup.people < task.growth[-1]:
        larger = [people for people in task.growth if people >= setup.people]
        found["enrolled"] = [grown(task, result, faces, replace(setup, people=people), seed) for people in larger]
    if task.has_curve(setup):
        found["by_epoch"] = result.history["test_accuracy"]
    return {name: rounded(value) for name, value in found.items()}


def train(task: Task, network: nn.Module, parts: Split, setup: Setup, seed: int) -> training.Transferred:
    """The setup's recipe, over as many epochs as the task gives to so many photographs."""
    epochs = task.epochs_over(len(parts.train), setup)
    recipe = how(setup.recipe, epochs * len(training.Batches(parts.train, BATCH)), seed)
    freeze = {"freeze": "none" if setup.freeze == "none" else "all"}
    freeze |= {"unfreeze_at": epochs // 2} if setup.freeze == "half" else {}
    options = {"batch_size": BATCH, "augment": AUGMENT, "seed": seed, "precision": "32-true"}
    test = parts.test if task.has_curve(setup) else None
    return training.transfer(network, parts.train, epochs=epochs, test=test, **freeze, **recipe, **options)


def by_embedding(task: Task, backbone: nn.Module, parts: Split, seed: int) -> Iterator[tuple[str, float]]:
    """A classifier trained to the end on embeddings as they are; then cosines: with photographs that were learned, of
    strangers with others of theirs, of pairs."""
    each = (parts.train, parts.test, parts.gallery, parts.probes)
    train, test, gallery, probes = (training.embed(backbone, part) for part in each)
    strangers = training.embed(backbone, parts.strangers, flip=True)
    if not all(rows.any(axis=1).all() for rows in (train, test, gallery, probes, strangers)):
        return
    probe = classical.train_classifier(LOGISTIC, lambda _: train, parts.train)
    yield "probe", share(probe.predict(test), parts.test)
    yield "embedding", share(nearest(train, parts.train, test), parts.test)
    yield "strangers", share(nearest(gallery, parts.gallery, probes), parts.probes)
    yield "verification", verified(task, strangers, parts.strangers, seed)


def nearest(known: np.ndarray, people: data.ImageSet, embeddings: np.ndarray) -> np.ndarray:
    """For each embedding the label of the known one with the largest cosine."""
    known, embeddings = normalize(torch.from_numpy(known)), normalize(torch.from_numpy(embeddings))
    return people.labels[(embeddings @ known.T).argmax(1)].numpy()


def verified(task: Task, embeddings: np.ndarray, people: data.ImageSet, seed: int) -> float:
    """Ten-fold accuracy on pairs of the people."""
    pairs = data.verification_pairs(people.labels, task.pairs, seed=seed)
    return evaluation.kfold_accuracy(evaluation.cosine_scores(embeddings, pairs.left, pairs.right), pairs.same).mean


def grown(task: Task, result: training.Transferred, faces: data.ImageSet, setup: Setup, seed: int) -> float:
    """The setup's people enrolled, most of whom the network was not trained on."""
    parts = split(task, faces, setup, seed)
    return result.enrol(parts.train).accuracy(parts.test)


def before(task: Task, faces: data.ImageSet, setup: Setup, seed: int) -> dict[str, Any]:
    """A feature and a classifier from before deep learning, on the same splits; the nearest also on strangers."""
    parts = split(task, fitted(faces, input_size=task.feature_size, in_channels=1), setup, seed)
    feature = FEATURES[setup.network](parts.train)
    classifier = classical.train_classifier(setup.recipe, feature, parts.train, seed=seed)
    found = {"classifier": share(classifier.predict(feature(parts.test)), parts.test)}
    if parts.leak is not None:
        found["leak"] = share(classifier.predict(feature(parts.leak)), parts.leak)
    if setup.recipe == NEAREST:
        known = classical.train_classifier(NEAREST, feature, parts.gallery)
        standardised = classifier[:-1].transform(feature(parts.strangers))
        found["strangers"] = share(known.predict(feature(parts.probes)), parts.probes)
        found["verification"] = verified(task, standardised, parts.strangers, seed)
    return {name: rounded(value) for name, value in found.items()}


def share(labels: np.ndarray, photographs: data.ImageSet) -> float:
    """Of the photographs, those named rightly."""
    return float(np.mean(labels == photographs.labels.numpy()))


def rounded(value: Any) -> Any:
    """Four digits, of a number or of each in a list."""
    return [round(float(one), 4) for one in value] if isinstance(value, list) else round(float(value), 4)


def compare(task: Task, runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per cent named rightly by each setup, and paired differences in points; means over the seeds, 95 % intervals."""
    of: dict[Setup, dict[int, dict[str, Any]]] = {}
    for one in runs:
        of.setdefault(recorded(one), {})[one["seed"]] = one
    rows = []
    for figure in task.figures:
        for setup, results in of.items():
            values = [100 * result[figure] for result in results.values() if figure in result]
            if len(values) > 1:
                name = task.title(setup) if figure == "classifier" else f"{task.title(setup)}: {figure}"
                rows.append(estimate(name, evaluation.mean_interval(values), "%"))
    for name, (one, field), (other, other_field) in questions(task, list(of)):
        a, b = of[one], of[other]
        seeds = sorted(seed for seed in a.keys() & b.keys() if field in a[seed] and other_field in b[seed])
        if len(seeds) > 1:
            pair = [100 * a[seed][field] for seed in seeds], [100 * b[seed][other_field] for seed in seeds]
            interval = evaluation.paired_difference(*pair)
            rows.append(estimate(name, interval, "points"))
    return rows
