from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import linear_bottleneck
from benchmarks.linear_bottleneck import bottlenecks, compare, sweep
from course_lib import data
from course_lib.evaluation import paired_difference


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty digits to learn from, and ten to test on."""
    train, test = data.digits()
    monkeypatch.setattr(data, "digits", lambda: (train.subset(range(0, 4000, 100)), test.subset(range(0, 1000, 100))))


@pytest.mark.parametrize("shortcut", [False, True])
def test_the_two_networks_start_alike_and_differ_at_the_narrow_end(shortcut: bool) -> None:
    linear, cut = (bottlenecks(4, shortcut, end, seed=3) for end in ("linear", "relu6"))
    for one, other in zip(linear.state_dict().values(), cut.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    digits = torch.randn(5, 1, 14, 14)
    for net, below_zero in ((linear, True), (cut, False)):
        block = net.eval()[2]
        assert block.has_shortcut == shortcut
        narrow = block.project(block.depthwise(block.expand(net[1](net[0](digits)))))
        assert narrow.shape[1] == 4 and bool((narrow < 0).any()) == below_zero
        assert net(digits).shape == (5, linear_bottleneck.LAST)


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(monkeypatch: pytest.MonkeyPatch, records: None, few: None) -> None:
    runs = sweep((0,), (2,), epochs=1)["runs"]
    assert {(run["shortcut"], run["end"]) for run in runs} == {
        (shortcut, end) for shortcut in (False, True) for end in ("linear", "relu6")
    }
    assert all(0 <= run["test"] <= 1 and 0 <= run["train"] <= 1 for run in runs)
    monkeypatch.setattr(linear_bottleneck, "one_run", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), (2,), epochs=1)["runs"] == runs


def test_differences_are_paired_by_seed() -> None:
    rng = np.random.default_rng(0)
    accuracy = {end: rng.uniform(0.5, 0.9, 3) for end in ("linear", "relu6")}
    runs = []
    for end, values in accuracy.items():
        for seed, value in enumerate(values):
            runs.append({"channels": 2, "shortcut": True, "end": end, "seed": seed, "test": value})
    (row,) = compare(runs[::-1])
    expected = paired_difference(100 * accuracy["linear"], 100 * accuracy["relu6"])
    assert row["name"] == "linear - relu6, 2 channels, with shortcut"
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high), rel=1e-3)
    assert compare(runs[:3]) == []
