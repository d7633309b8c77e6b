from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import transfer_orl, transfer_plan
from benchmarks.transfer_orl import Starts, before, compare, fitted, one_run, split, sweep
from benchmarks.transfer_plan import (
    FLAT,
    GENTLE,
    LITE,
    NEAREST,
    SMALL,
    SOURCES,
    Recipe,
    Setup,
    Source,
    plan,
    questions,
)
from course_lib import data, training
from course_lib.evaluation import paired_difference
from course_lib.training import Transferred

FEW = Setup(people=3, photographs=2)


@pytest.fixture
def few(monkeypatch) -> data.ImageSet:
    """Eight people of ORL, of whom three are strangers; one epoch of a slim network."""
    monkeypatch.setattr(transfer_orl, "STRANGERS", 3)
    monkeypatch.setattr(transfer_orl, "PAIRS", 40)
    monkeypatch.setattr(transfer_orl, "EPOCHS", 0.05)
    monkeypatch.setattr(transfer_orl, "SOURCE_LOOKS", 20)
    monkeypatch.setattr(transfer_orl, "GROWTH", (3, 5))
    monkeypatch.setitem(transfer_plan.NETWORKS[SMALL], "width", 0.25)
    faces = data.orl_faces().subset(range(80)).only(range(8))
    monkeypatch.setattr(data, "orl_faces", lambda: faces)
    return faces


# The plan.


def test_no_setup_comes_twice_and_every_source_is_tried_in_every_way():
    setups = plan(list(SOURCES))
    assert len(setups) == len(set(setups))
    for name, source in SOURCES.items():
        of = [setup for setup in setups if setup.source == name]
        assert {setup.network for setup in of} == {source.network}
        assert {setup.freeze for setup in of} == {"none", "half", "all"}
        assert {setup.photographs for setup in of} == {1, 2, 5}
    assert not any(setup.source == "CIFAR-10" for setup in plan(["digits", "ImageNet"]))


def test_every_comparison_finds_both_its_runs():
    setups = plan(list(SOURCES))
    asked = list(questions(setups))
    names = [name for name, *_ in asked]
    assert len(names) == len(set(names))
    assert all(one in setups and other in setups for _, (one, _), (other, _) in asked)
    for name in (
        "MobiFace, from digits - from nothing",
        "EfficientNet-Lite0, from ImageNet, gently - at the full rate",
        "MobiFace, from CIFAR-10, gently, frozen - all trained",
        "MobiFace, 0.3, plateau, 3 times as long - at 0.3 throughout",
        "MobiFace, 1 of each - HOG, linear SVM",
        "MobiFace, 2 of each, near copies, 3 times as long: the test that leaks - another",
        "MobiFace, 5 people: by cosine - by the classifier",
    ):
        assert name in names


# The splits.


def pictures(*sets: data.ImageSet) -> set[bytes]:
    return {image.numpy().tobytes() for some in sets for image in some.images}


def test_learned_tested_and_strangers_are_apart_and_the_test_is_the_same_for_few(few):
    parts, fewer = split(few, Setup(people=5), seed=1), split(few, Setup(people=3, photographs=1), seed=1)
    apart = [parts.train, parts.test, parts.gallery, parts.probes]
    assert sum(map(len, apart)) == len(pictures(*apart)) == 80 and parts.leak is None
    assert parts.train.labels.bincount().tolist() == [5] * 5 and fewer.train.labels.bincount().tolist() == [1] * 3
    assert pictures(fewer.train) < pictures(parts.train)
    assert torch.equal(fewer.test.images, parts.test.images[parts.test.labels < 3])
    assert not set(parts.train.names) & set(parts.strangers.names)


def test_the_leak_is_of_near_copies_and_the_other_test_is_not(few):
    parts = split(few, Setup(people=3, photographs=2, copies=4), seed=0)
    assert len(parts.train) + len(parts.leak) == 3 * 2 * 5 and len(parts.leak) == 6

    def nearest(test: data.ImageSet) -> float:
        """How far the nearest picture that was learned is, in grey values a pixel."""
        pair = (part.images.flatten(1).float() for part in (test, parts.train))
        return float(torch.cdist(*pair).min(1).values.mean() / np.sqrt(112 * 92))

    assert nearest(parts.leak) < 0.75 * nearest(parts.test)
    assert torch.equal(parts.test.images, split(few, FEW, seed=0).test.images)


def test_images_are_made_to_fit(few):
    colour = data.ImageSet(few.images.expand(-1, 3, -1, -1), few.labels, few.names, few.source)
    assert fitted(colour, SMALL).images.shape == (80, 1, 48, 40)
    assert (fitted(colour, SMALL).images.int() - fitted(few, SMALL).images.int()).abs().max() <= 1  # rounding
    assert fitted(few, LITE).images.shape == (80, 3, 48, 40)


# The runs.


def test_runs_are_recorded_and_not_repeated_and_a_missing_source_is_named(monkeypatch, records, few, capsys):
    def absent() -> data.ImageSet:
        raise FileNotFoundError

    sources = {
        "here": Source(SMALL, lambda: data.digits()[1].subset(range(10))),
        "away": Source(SMALL, absent, "get it"),
    }
    monkeypatch.setattr(transfer_orl, "SOURCES", sources)

    def some(names):
        assert names == ["here"]
        return [FEW, Setup(source="here", people=3, photographs=2, freeze="all")]

    figures = sweep((0,), some)
    first, frozen = runs = figures["runs"]
    assert figures["missing_sources"] == {"away": "get it"} and "Without away" in capsys.readouterr().out
    assert figures["sources"] == {"here": {"images": 10, "classes": 10}}
    for run in runs:
        assert {"training", "classifier", "probe", "embedding", "strangers", "verification"} <= run.keys()
        assert all(0 <= run[name] <= 1 for name in ("training", "classifier", "probe", "embedding", "strangers"))
        assert len(run["enrolled"]) == 2 and run["enrolled"][0] == run["embedding"]
    assert "source_accuracy" in frozen and "source_accuracy" not in first
    monkeypatch.setattr(transfer_orl, "train", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), some)["runs"] == runs


def test_each_source_is_trained_on_once_a_seed_and_the_weights_are_not_shared(monkeypatch, few):
    calls = []
    monkeypatch.setattr(transfer_orl, "pretrain", lambda *arguments: calls.append(arguments[-1]) or 0.5)
    starts = Starts({"digits": few})
    nets = [starts.network(Setup(source="digits", freeze=freeze), 0)[0] for freeze in ("none", "all")]
    assert calls == [0] and nets[0] is not nets[1]
    nn.init.zeros_(nets[0].last[0].weight)
    assert nets[1].last[0].weight.any() and starts.network(Setup(source="digits"), 0)[0].last[0].weight.any()
    starts.network(Setup(source="digits"), 1)
    assert calls == [0, 1]


def test_weights_that_came_ready_are_not_trained_and_not_moved(few):
    ready = nn.Linear(1, 1)
    network, found = Starts({"ImageNet": ready}).network(Setup(LITE, "ImageNet"), 0)
    assert network is not ready and torch.equal(network.weight, ready.weight) and found == {}


def test_frozen_then_freed_ends_with_other_weights_than_frozen(monkeypatch, few):
    monkeypatch.setattr(transfer_orl, "EPOCHS", 0.08)
    faces, starts = fitted(few, SMALL), Starts({})
    moved = {}
    for freeze in ("all", "half"):
        setup = Setup(people=3, photographs=2, freeze=freeze)
        network, _ = starts.network(setup, 0)
        before = network.last[0].weight.clone()
        transfer_orl.train(network, split(faces, setup, 0), setup, 0)
        moved[freeze] = not torch.equal(before, network.last[0].weight)
    assert moved == {"all": False, "half": True}


def test_head_and_backbone_have_their_rates(few):
    recipe = transfer_orl.how(GENTLE, 10, seed=0)
    optimizer = recipe["optimizer"](nn.Linear(2, 2), nn.Linear(3, 3))
    assert [(group["lr"], group["params"][0].shape[0]) for group in optimizer.param_groups] == [(0.1, 3), (0.01, 2)]
    schedule = recipe["schedule"](optimizer)
    optimizer.step()
    rates = [schedule.step() or schedule.get_last_lr() for _ in range(9)]
    assert np.allclose(np.max(rates, axis=0), (0.1, 0.01), rtol=0.1)
    assert transfer_orl.how(FLAT, 10, seed=0)["schedule"] is None


def test_a_run_that_diverges_names_nobody(monkeypatch, few):
    monkeypatch.setitem(transfer_plan.RECIPES, "mad", Recipe(1e30, 1e30, None))
    monkeypatch.setattr(transfer_orl, "EPOCHS", 0.3)
    found = one_run(few, Setup(people=3, photographs=2, recipe="mad"), 0, Starts({}))
    assert found == {"diverged": True, "classifier": 0.0, "training": 0.0}


class Dead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, :4] * self.weight


def test_a_dead_network_has_no_cosines(few):
    parts = split(few, FEW, 0)
    result = Transferred(Dead(), parts.train, None, training.History())
    assert dict(transfer_orl.by_embedding(result, parts, 0)) == {}


def test_what_came_before_names_by_the_same_splits(few):
    found = before(few, Setup("pixels", recipe=NEAREST, people=3, photographs=2, copies=4), 0)
    assert found.keys() == {"classifier", "leak", "strangers", "verification"}
    assert found["leak"] >= found["classifier"] > 0.5
    assert before(few, Setup("HOG", recipe="linear SVM", people=3, photographs=2), 0).keys() == {"classifier"}


def test_comparisons_are_paired_by_seed():
    rng = np.random.default_rng(0)
    values = {setup: rng.uniform(0.5, 0.9, 4) for setup in (Setup(), Setup(source="digits"))}
    runs = [
        {**vars(setup), "seed": seed, "classifier": value}
        for setup, found in values.items()
        for seed, value in enumerate(found)
    ]
    rows = {row["name"]: row for row in compare(runs[::-1])}
    assert rows.keys() == {"MobiFace", "MobiFace, from digits", "MobiFace, from digits - from nothing"}
    a, b = (100 * values[setup] for setup in (Setup(source="digits"), Setup()))
    interval, row = paired_difference(a, b), rows["MobiFace, from digits - from nothing"]
    assert row["value"] == pytest.approx((a - b).mean(), rel=1e-3) and row["unit"] == "points"
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)
    assert rows["MobiFace"]["value"] == pytest.approx(b.mean(), rel=1e-3) and rows["MobiFace"]["unit"] == "%"
