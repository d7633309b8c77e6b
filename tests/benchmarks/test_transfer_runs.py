from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import transfer_orl, transfer_runs, transfer_setup
from benchmarks.transfer_runs import Starts, before, by_embedding, compare, fitted, how, nearest, one_run, split, sweep
from benchmarks.transfer_setup import FLAT, GENTLE, LITE, NEAREST, SMALL, SVM, Recipe, Setup, Source, Task
from course_lib import data, training
from course_lib.evaluation import paired_difference

NETWORKS = {**transfer_orl.NETWORKS, SMALL: {**transfer_orl.NETWORKS[SMALL], "width": 0.25}}
USUAL = Setup(people=5, photographs=5)
FEW = replace(USUAL, people=3, photographs=2)


@pytest.fixture
def faces() -> data.ImageSet:
    """Eight people of ORL."""
    return data.orl_faces().subset(range(80)).only(range(8))


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Task:
    """Three of them are strangers; one epoch of a slim network."""
    monkeypatch.setattr(transfer_runs, "SOURCE_LOOKS", 20)
    small = {"strangers": 3, "pairs": 40, "epochs": 0.5, "growth": (3, 5), "networks": NETWORKS}
    return replace(transfer_orl.TASK, seeds=(0,), usual=USUAL, **small)


# The splits.


def pictures(*sets: data.ImageSet) -> set[bytes]:
    return {image.numpy().tobytes() for some in sets for image in some.images}


def test_learned_tested_and_strangers_are_apart_and_the_test_is_the_same_for_few(task, faces):
    parts = split(task, faces, USUAL, seed=1)
    fewer = split(task, faces, replace(USUAL, people=3, photographs=1), seed=1)
    apart = [parts.train, parts.test, parts.gallery, parts.probes]
    assert sum(map(len, apart)) == len(pictures(*apart)) == 80 and parts.leak is None
    assert parts.train.labels.bincount().tolist() == [5] * 5 and fewer.train.labels.bincount().tolist() == [1] * 3
    assert pictures(fewer.train) < pictures(parts.train)
    assert torch.equal(fewer.test.images, parts.test.images[parts.test.labels < 3])
    assert not set(parts.train.names) & set(parts.strangers.names)


def test_so_many_are_tested_as_the_task_says(task, faces):
    parts = split(replace(task, usual=replace(USUAL, photographs=8), tested=2), faces, USUAL, seed=0)
    assert parts.test.labels.bincount().tolist() == [2] * 5 and parts.train.labels.bincount().tolist() == [5] * 5
    assert parts.probes.labels.bincount().tolist() == [2] * 3


def test_the_leak_is_of_near_copies_and_the_other_test_is_not(task, faces):
    parts = split(task, faces, replace(FEW, copies=4), seed=0)
    assert len(parts.train) + len(parts.leak) == 3 * 2 * 5 and len(parts.leak) == 6

    def nearest_picture(test: data.ImageSet) -> float:
        """How far the nearest picture that was learned is, in grey values a pixel."""
        pair = (part.images.flatten(1).float() for part in (test, parts.train))
        return float(torch.cdist(*pair).min(1).values.mean() / np.sqrt(112 * 92))

    assert nearest_picture(parts.leak) < 0.75 * nearest_picture(parts.test)
    assert torch.equal(parts.test.images, split(task, faces, FEW, seed=0).test.images)


def test_images_are_made_to_fit(faces):
    colour = data.ImageSet(faces.images.expand(-1, 3, -1, -1), faces.labels, faces.names, faces.source)
    assert fitted(colour, **NETWORKS[SMALL]).images.shape == (80, 1, 48, 40)
    difference = fitted(colour, **NETWORKS[SMALL]).images.int() - fitted(faces, **NETWORKS[SMALL]).images.int()
    assert difference.abs().max() <= 1  # rounding
    assert fitted(faces, **NETWORKS[LITE]).images.shape == (80, 3, 48, 40)


# The runs.


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated_and_a_missing_source_is_named(monkeypatch, records, task, faces, capsys):
    def absent() -> data.ImageSet:
        raise FileNotFoundError

    def some(names):
        assert names == ["here"]
        return [replace(USUAL, people=3), replace(FEW, source="here", freeze="all")]

    here = Source(SMALL, lambda: data.digits()[1].subset(range(10)))
    task = replace(task, sources={"here": here, "away": Source(SMALL, absent, "get it")}, plan=some)
    figures = sweep(task, faces, folder="of eight")
    first, frozen = runs = figures["runs"]
    assert figures["missing_sources"] == {"away": "get it"} and "Without away" in capsys.readouterr().out
    assert figures["sources"] == {"here": {"images": 10, "classes": 10}}
    for run in runs:
        assert {"training", "classifier", "probe", "embedding", "strangers", "verification"} <= run.keys()
        assert all(0 <= run[name] <= 1 for name in ("training", "classifier", "probe", "embedding", "strangers"))
    assert len(first["enrolled"]) == 2 and first["enrolled"][0] == first["embedding"] and "enrolled" not in frozen
    assert "source_accuracy" in frozen and "source_accuracy" not in first
    monkeypatch.setattr(transfer_runs, "one_run", lambda *_: {"classifier": 1.0})
    assert sweep(task, faces, folder="of eight")["runs"] == runs
    again = sweep(task, faces, folder="of nine")["runs"]
    assert [run["classifier"] for run in again] == [1.0, 1.0]  # of other settings: not mixed


@pytest.mark.slow
def test_each_source_is_trained_on_once_a_seed_and_the_weights_are_not_shared(monkeypatch, task, faces):
    calls = []
    monkeypatch.setattr(transfer_runs, "pretrain", lambda *arguments: calls.append(arguments[-1]) or 0.5)
    starts, setup = Starts(task, {"digits": faces}), replace(USUAL, source="digits")
    nets = [starts.network(replace(setup, freeze=freeze), 0)[0] for freeze in ("none", "all")]
    assert calls == [0] and nets[0] is not nets[1]
    nn.init.zeros_(nets[0].last[0].weight)
    assert nets[1].last[0].weight.any() and starts.network(setup, 0)[0].last[0].weight.any()
    starts.network(setup, 1)
    assert calls == [0, 1]


def test_weights_that_came_ready_are_not_trained_and_not_moved(task):
    ready = nn.Linear(1, 1)
    network, found = Starts(task, {"ImageNet": ready}).network(replace(USUAL, network=LITE, source="ImageNet"), 0)
    assert network is not ready and torch.equal(network.weight, ready.weight) and found == {}


def test_frozen_then_freed_ends_with_other_weights_than_frozen(task, faces):
    task, faces = replace(task, epochs=0.5), fitted(faces, **NETWORKS[SMALL])
    starts, moved = Starts(task, {}), {}
    for freeze in ("all", "half"):
        setup = replace(FEW, freeze=freeze)
        network, _ = starts.network(setup, 0)
        weight = network.last[0].weight.clone()
        transfer_runs.train(task, network, split(task, faces, setup, 0), setup, 0)
        moved[freeze] = not torch.equal(weight, network.last[0].weight)
    assert moved == {"all": False, "half": True}


def test_head_and_backbone_have_their_rates():
    recipe = how(GENTLE, 10, seed=0)
    optimizer = recipe["optimizer"](nn.Linear(2, 2), nn.Linear(3, 3))
    assert [(group["lr"], group["params"][0].shape[0]) for group in optimizer.param_groups] == [(0.1, 3), (0.01, 2)]
    schedule = recipe["schedule"](optimizer)
    optimizer.step()
    rates = [schedule.step() or schedule.get_last_lr() for _ in range(9)]
    assert np.allclose(np.max(rates, axis=0), (0.1, 0.01), rtol=0.1)
    assert how(FLAT, 10, seed=0)["schedule"] is None


def test_a_run_that_diverges_names_nobody(monkeypatch, task, faces):
    monkeypatch.setitem(transfer_setup.RECIPES, "mad", Recipe(1e30, 1e30, None))
    task, setup = replace(task, epochs=1), replace(FEW, recipe="mad")
    found = one_run(task, faces, setup, 0, Starts(task, {}))
    assert found == {"diverged": True, "classifier": 0.0, "training": 0.0}


class Dead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :4] * self.weight


def test_a_dead_network_has_no_cosines(task, faces):
    assert dict(by_embedding(task, Dead(), split(task, faces, FEW, 0), 0)) == {}


def test_the_nearest_is_that_of_the_library(task, faces):
    parts = split(task, fitted(faces, **NETWORKS[SMALL]), USUAL, 0)
    network, _ = Starts(task, {}).network(USUAL, 0)
    train, test = (training.embed(network, part) for part in (parts.train, parts.test))
    labels = nearest(train, parts.train, test)
    by_name = training.Transferred(network, parts.train, None, training.History()).predict(parts.test)
    assert [parts.train.names[label] for label in labels] == by_name


def test_what_came_before_names_by_the_same_splits(task, faces):
    found = before(task, faces, replace(FEW, network="pixels", recipe=NEAREST, copies=4), 0)
    assert found.keys() == {"classifier", "leak", "strangers", "verification"}
    assert found["leak"] >= found["classifier"] > 0.5
    colour = replace(faces, images=faces.images.expand(-1, 3, -1, -1))
    hog = replace(FEW, network="HOG", recipe=SVM)
    assert before(task, colour, hog, 0) == before(task, faces, hog, 0)


def test_comparisons_are_paired_by_seed():
    rng, task, usual = np.random.default_rng(0), transfer_orl.TASK, transfer_orl.USUAL
    learned = replace(usual, source="digits")
    values = {setup: rng.uniform(0.5, 0.9, 4) for setup in (usual, learned)}
    runs = [
        {**vars(setup), "seed": seed, "classifier": value, "training": 0.5 + seed / 10}
        for setup, found in values.items()
        for seed, value in enumerate(found)
    ]
    rows = {row["name"]: row for row in compare(task, runs[::-1])}
    assert rows.keys() == {"MobiFace", "MobiFace, from digits", "MobiFace, from digits - from nothing"}
    a, b = (100 * values[setup] for setup in (learned, usual))
    interval, row = paired_difference(a, b), rows["MobiFace, from digits - from nothing"]
    assert row["value"] == pytest.approx((a - b).mean(), rel=1e-3) and row["unit"] == "points"
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)
    assert rows["MobiFace"]["value"] == pytest.approx(b.mean(), rel=1e-3) and rows["MobiFace"]["unit"] == "%"
    more = {row["name"]: row for row in compare(replace(task, figures=("classifier", "training")), runs)}
    assert more.keys() - rows.keys() == {"MobiFace: training", "MobiFace, from digits: training"}
    assert more["MobiFace: training"]["value"] == pytest.approx(65)
