from __future__ import annotations

import numpy as np
import pytest

from benchmarks import center_loss_orl
from benchmarks.center_loss_orl import compare, sweep
from course_lib import data
from course_lib.evaluation import paired_difference


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, shallow: None) -> None:
    """Fifteen people of whom five are unseen, in very small photographs."""
    for name, value in {"TEST_PEOPLE": 5, "PAIRS": 40, "SIZE": (16, 16)}.items():
        monkeypatch.setattr(center_loss_orl, name, value)
    few = data.orl_faces().subset(range(150))
    monkeypatch.setattr(data, "orl_faces", lambda: few)


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(monkeypatch: pytest.MonkeyPatch, records: None, few: None) -> None:
    runs = sweep((0,), (0.0, 1.0), epochs=1)["runs"]
    assert [(run["weight"], run["seed"]) for run in runs] == [(0.0, 0), (1.0, 0)]
    for run in runs:
        assert 0.3 < run["accuracy_cosine"] <= 1 and 0.3 < run["accuracy_distance"] <= 1
        assert run["ratio"] > 0 and run["ratio_of_directions"] > 0
    assert runs[1]["length"] < runs[0]["length"]
    monkeypatch.setattr(center_loss_orl, "train", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), (0.0, 1.0), epochs=1)["runs"] == runs


def test_differences_are_paired_by_seed() -> None:
    rng, runs = np.random.default_rng(0), []
    names = ("accuracy_cosine", "accuracy_distance", "ratio", "ratio_of_directions")
    of = {weight: {name: rng.uniform(0.8, 0.9, 3) for name in names} for weight in (0.0, 0.1)}
    for weight, values in of.items():
        for seed in range(3):
            runs.append({"weight": weight, "seed": seed, **{name: values[name][seed] for name in names}})
    rows = {row["name"]: row for row in compare(runs[::-1])}
    assert rows.keys() == {f"{name}, weight 0.1 - softmax" for name in names}
    for name, times in (("accuracy_cosine", 100), ("ratio", 1)):
        a, b = times * of[0.1][name], times * of[0.0][name]
        row, interval = rows[f"{name}, weight 0.1 - softmax"], paired_difference(a, b)
        assert row["value"] == pytest.approx((a - b).mean(), rel=1e-3)
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)
    assert compare(runs[:3]) == []
