from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import inception_shortcut
from benchmarks.inception_shortcut import SETUPS, Block, Setup, compare, network, sweep
from course_lib import data
from course_lib.backbones.inception_resnet_v1 import BLOCK_35
from course_lib.evaluation import paired_difference


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(monkeypatch: pytest.MonkeyPatch, records: None) -> None:
    for name, value in {"TEST_PEOPLE": 5, "PAIRS": 40}.items():
        monkeypatch.setattr(inception_shortcut, name, value)
    few = data.orl_faces().subset(range(150))
    monkeypatch.setattr(data, "orl_faces", lambda: few)
    setups = (Setup(1, True), Setup(1, False, rate=0.01))
    runs = sweep((0,), setups, epochs=2)["runs"]
    assert [(run["title"], run["seed"]) for run in runs] == [("shortcut", 0), ("no shortcut, rate 0.01", 0)]
    for run in runs:
        assert len(run["named"]) == 2 and 0 <= run["named"][-1] <= 1 and 0.3 < run["accuracy"] <= 1
    monkeypatch.setattr(inception_shortcut, "one_run", lambda *_: pytest.fail("trained again"))
    assert sweep((0,), setups, epochs=2)["runs"] == runs


def test_setups_have_titles_of_their_own_and_cost_the_same() -> None:
    titles = [(setup.blocks, setup.title) for setup in SETUPS]
    assert len(set(titles)) == len(titles)
    with_it, without = (network(Setup(2, shortcut), 0).state_dict() for shortcut in (True, False))
    assert with_it.keys() == without.keys()
    assert all(torch.equal(with_it[name], without[name]) for name in with_it)


def test_a_block_without_its_shortcut_lacks_its_input_only() -> None:
    x = torch.rand(2, 256, 5, 5)
    torch.manual_seed(0)
    block = Block(256, BLOCK_35, Setup(1, True, scale=0.5)).eval()
    block.activation = torch.nn.Identity()
    whole = block(x)
    block.shortcut = False
    assert torch.allclose(whole - x, block(x), atol=1e-6)
    block.scale = 1.0
    assert torch.allclose(2 * (whole - x), block(x), atol=1e-5)


def test_differences_are_paired_by_seed_and_depth() -> None:
    rng, runs, of = np.random.default_rng(0), [], {}
    for setup in (Setup(1, True), Setup(1, False), Setup(3, True), Setup(5, False)):
        for seed in range(3):
            named, accuracy = rng.uniform(size=2)
            of[setup, seed] = named, accuracy
            plain = {"blocks": setup.blocks, "shortcut": setup.shortcut}
            runs.append({"setup": plain, "seed": seed, "named": [0.0, named], "accuracy": accuracy})
    rows = {row["name"]: row for row in compare(runs[::-1])}
    names = {f"1 blocks, {what}: no shortcut - shortcut" for what in ("named", "strangers")}
    assert rows.keys() == names, "a depth without its rival is left out"
    for place, what in enumerate(("named", "strangers")):
        a, b = (np.array([100 * of[Setup(1, s), seed][place] for seed in range(3)]) for s in (False, True))
        row, interval = rows[f"1 blocks, {what}: no shortcut - shortcut"], paired_difference(a, b)
        assert row["value"] == pytest.approx((a - b).mean(), rel=1e-3)
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)
