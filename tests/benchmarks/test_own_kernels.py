from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import own_kernels
from benchmarks.own_kernels import KINDS, TESTED, TRAINED, compare, network, sweep
from course_lib import cost, data
from course_lib.evaluation import paired_difference


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred digits to learn from, and ten to test on."""
    train, test = data.digits()
    monkeypatch.setattr(data, "digits", lambda: (train.subset(range(0, 4000, 40)), test.subset(range(0, 1000, 100))))
    monkeypatch.setattr(own_kernels, "IMAGES", 50)


def test_both_kinds_do_the_same_work() -> None:
    own, one = (cost.count(network(kind, 0), (14, 14), in_channels=1) for kind in KINDS)
    assert own.macs.conv_linear == one.macs.conv_linear
    assert own.parameters > 16 * one.parameters
    assert network("own kernels", 0)(torch.zeros(2, 1, 14, 14)).shape == (2, own_kernels.CHANNELS)


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(monkeypatch: pytest.MonkeyPatch, records: None, few: None) -> None:
    runs = sweep((0,), epochs=1)["runs"]
    assert [(run["trained"], run["kind"]) for run in runs] == [(moved, kind) for moved in TRAINED for kind in KINDS]
    assert all(len(run["test"]) == len(TESTED) and 0 <= min(run["test"]) for run in runs)
    monkeypatch.setattr(own_kernels, "one_run", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), epochs=1)["runs"] == runs


def test_differences_are_paired_by_seed() -> None:
    rng, runs, of = np.random.default_rng(0), [], {}
    for trained in TRAINED:
        for kind in KINDS:
            of[trained, kind] = rng.uniform(0.5, 0.9, (3, len(TESTED)))
            for seed, shares in enumerate(of[trained, kind]):
                runs.append({"trained": trained, "kind": kind, "seed": seed, "test": shares.tolist()})
    rows = {row["name"]: row for row in compare(runs[::-1])}
    assert len(rows) == len(TRAINED) * len(TESTED)
    for place, tested in enumerate(TESTED):
        row = rows[f"own - one kernel, trained moved by 2, tested moved by {tested}"]
        expected = paired_difference(*(100 * of[2, kind][:, place] for kind in KINDS))
        assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), rel=1e-3)
    assert compare([run for run in runs if run["seed"] == 0]) == []
