from __future__ import annotations

import numpy as np
import pytest

from benchmarks import sgd_vs_sam_orl
from benchmarks.budget import Budget
from benchmarks.sgd_vs_sam_orl import compare, setups, sweep
from course_lib import data
from course_lib.evaluation import paired_difference


def test_every_sam_has_an_sgd_of_the_same_epochs_and_most_one_of_the_same_cost():
    plan = setups((0.02, 0.05), epochs=4)
    assert len(plan) == len(set(plan)) == 9
    sgd = [setup for setup in plan if not setup.rho]
    assert [setup.gradients for setup in sgd] == [setup.epochs for setup in sgd] == [2, 4, 8]
    for setup in plan:
        assert any(setup.epochs == plain.epochs for plain in sgd)
        assert any(setup.gradients == plain.gradients for plain in sgd) == (setup.gradients <= 8)
    assert Budget(0.05, 4).gradients == 8


@pytest.fixture
def few(monkeypatch, shallow):
    """A plan of two, on fifteen people of whom five are unseen, in very small photographs."""
    for name, value in {"TEST_PEOPLE": 5, "PAIRS": 40, "SIZE": (16, 16), "EVERY": 10}.items():
        monkeypatch.setattr(sgd_vs_sam_orl, name, value)
    monkeypatch.setattr(sgd_vs_sam_orl, "setups", lambda *_: [Budget(0.0, 1), Budget(0.05, 1)])
    few = data.orl_faces().subset(range(150))
    monkeypatch.setattr(data, "orl_faces", lambda: few)


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(monkeypatch, records, few):
    runs = sweep((0,), (0.05,), epochs=1)["runs"]
    assert [(run["rho"], run["epochs"], run["seed"]) for run in runs] == [(0.0, 1, 0), (0.05, 1, 0)]
    for run in runs:
        assert 0.3 < run["accuracy"] <= 1
        assert run["loss"] <= run["largest_loss"] and run["norm"] > 1
    assert runs[0]["loss"] != runs[1]["loss"]
    monkeypatch.setattr(sgd_vs_sam_orl, "train", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), (0.05,), epochs=1)["runs"] == runs


def test_differences_are_paired_by_seed_and_say_what_is_equal():
    rng, runs = np.random.default_rng(0), []
    of = {setup: rng.uniform(0.8, 0.9, 3) for setup in (Budget(0.0, 4), Budget(0.0, 8), Budget(0.1, 2), Budget(0.1, 8))}
    for setup, accuracies in of.items():
        runs += [
            {"rho": setup.rho, "epochs": setup.epochs, "seed": seed, "accuracy": accuracy}
            for seed, accuracy in enumerate(accuracies)
        ]
    rows = {row["name"]: row for row in compare(runs[::-1])}
    assert rows.keys() == {
        "SAM, rho 0.1, 2 epochs - SGD, 4: equal gradients",
        "SAM, rho 0.1, 8 epochs - SGD, 8: equal epochs",
    }
    row = rows["SAM, rho 0.1, 2 epochs - SGD, 4: equal gradients"]
    a, b = (100 * of[setup] for setup in (Budget(0.1, 2), Budget(0.0, 4)))
    interval = paired_difference(a, b)
    assert row["value"] == pytest.approx((a - b).mean(), rel=1e-3) and row["unit"] == "points"
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)
