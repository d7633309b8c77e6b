from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import gdconv
from benchmarks.gdconv import AVERAGE, HEADS, LEARNED, PLAN, Trial, by_place, compare, smallest_found, sweep, with_head
from course_lib import data
from course_lib.evaluation import paired_difference


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> data.ImageSet:
    """Six people in small photographs, two of them unseen, and settings to go with them."""
    monkeypatch.setattr(gdconv, "TRIALS", {"few": Trial(32, 8, 1, 2, 20, 5)})
    people = data.orl_faces().subset(range(60)).resized(32, 32)
    return data.ImageSet(people.images, people.labels, people.names[:6], people.source)


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(few: data.ImageSet, records: None, monkeypatch: pytest.MonkeyPatch):
    runs = sweep("few", few, tuple(HEADS), (0,))["runs"]
    assert [(run["faces"], run["head"], run["seed"]) for run in runs] == [("few", head, 0) for head in HEADS]
    for run in runs:
        assert (run["people"], run["photographs"]) == (4, 20)
        assert 0 <= run["named"] <= 1 and 0.3 < run["accuracy"] <= 1 and 0 <= run["tar"] <= 1
        assert np.shape(run["size"]) == (2, 2) and (np.max(run["moved"]) > 0) == HEADS[run["head"]][1]
    monkeypatch.setattr(gdconv, "one_run", lambda *_: pytest.fail("trained again"))
    assert sweep("few", few, tuple(HEADS), (0,))["runs"] == runs


def test_the_heads_differ_in_the_weights_of_the_places_alone():
    networks = {head: with_head(head, 32, seed=3) for head in HEADS}
    drawn = networks[LEARNED].state_dict()
    for head, network in networks.items():
        same = {name: torch.equal(weight, drawn[name]) for name, weight in network.state_dict().items()}
        start, learned = HEADS[head]
        assert {name for name, equal in same.items() if not equal} <= {"head.1.0.weight"}
        assert same["head.1.0.weight"] == (start == "drawn")
        assert network.head[1][0].weight.requires_grad == learned
    maps = torch.randn(2, 512, 2, 2)
    assert torch.allclose(networks[AVERAGE].head[1][0](maps).flatten(1), maps.mean((2, 3)), atol=1e-6)


def test_places_keep_their_order():
    weight = torch.zeros(4, 1, 2, 3)
    weight[:, 0, 1, 2] = torch.tensor([1.0, -1.0, 1.0, -1.0])
    weight[0, 0, 0, 0] = 2.0
    assert by_place(weight) == [[1000.0, 0.0, 0.0], [0.0, 0.0, 1000.0]]


def test_differences_are_paired_by_seed():
    rng, runs = np.random.default_rng(0), []
    found = {head: rng.uniform(0.7, 0.9, 4) for head in (AVERAGE, LEARNED)}
    for head, values in found.items():
        for seed, value in enumerate(values):
            runs.append({"faces": "few", "head": head, "seed": seed, "accuracy": value, "tar": value / 2})
    rows = {row["name"]: row for row in compare(runs[::-1])}
    name = "few: accuracy, GDConv - average, 4 seeds"
    interval = paired_difference(100 * found[LEARNED], 100 * found[AVERAGE])
    assert (rows[name]["low"], rows[name]["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)
    least = smallest_found(100 * (found[LEARNED] - found[AVERAGE]))
    assert rows[f"{name}: found 8 times in 10"]["value"] == pytest.approx(least, rel=1e-3)
    assert compare(runs[:6]) == []  # two seeds in common say nothing


def test_the_smallest_difference_is_found_by_simulated_experiments_8_times_in_10():
    rng, n, spread = np.random.default_rng(0), 8, 1.7
    one = rng.normal(size=n)
    least = smallest_found(spread * (one - one.mean()) / one.std(ddof=1))
    draws = rng.normal(least, spread, (4000, n))
    found = [paired_difference(draw, np.zeros(n)).low > 0 for draw in draws]
    assert 0.75 < np.mean(found) < 0.86


def test_real_faces_are_compared_over_eight_seeds_and_every_head_on_orl():
    assert PLAN["faces"] == ((AVERAGE, LEARNED), range(8))
    assert set(PLAN["ORL"][0]) == set(HEADS)
