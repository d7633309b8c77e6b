from __future__ import annotations

import pytest
import torch

from benchmarks import losses_on_faces as benchmark
from benchmarks.losses_on_faces import CRITERIA, Setup, at_most, compare, faces_of_strangers, plan, sweep
from course_lib import data


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch) -> data.ImageSet:
    """Colour pictures of six people, small, and settings to go with them."""
    small = {"SIDE": 32, "WIDTH": 0.25, "BATCH": 8, "TEST_PEOPLE": 2, "A_PERSON": 4, "PAIRS": 20}
    for name, value in small.items():
        monkeypatch.setattr(benchmark, name, value)
    people = data.orl_faces().subset(range(60)).resized(32, 32)
    return data.ImageSet(people.images.repeat(1, 3, 1, 1), people.labels, people.names[:6], people.source)


@pytest.mark.slow
@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_trains_with_sam(criterion: str, faces: data.ImageSet, records):
    (run,) = sweep(faces, [(Setup(0.05, 1, criterion), 0)])["runs"]
    assert (run["criterion"], run["rho"], run["epochs"], run["seed"]) == (criterion, 0.05, 1, 0)
    assert 0 <= run["training"] <= 1 and 0.3 < run["accuracy"] <= 1 and 0 <= run["tar"] <= 1 and run["ratio"] > 0


def test_a_run_that_is_recorded_is_not_repeated(faces: data.ImageSet, records, monkeypatch: pytest.MonkeyPatch):
    wanted = [(Setup(0.0, 1, "softmax"), 0)]
    first = sweep(faces, wanted)["runs"]
    monkeypatch.setattr(benchmark, "one_run", lambda *_: pytest.fail("trained again"))
    assert sweep(faces, wanted)["runs"] == first


def test_the_plan_pairs_sam_with_sgd_at_equal_gradients():
    runs = plan()
    assert len(runs) == len(set(runs))
    for criterion in CRITERIA:
        for seed in benchmark.SEEDS:
            gradients = {setup.gradients for setup, s in runs if setup.criterion == criterion and s == seed}
            assert benchmark.EPOCHS in gradients
            both = {setup.rho > 0 for setup, s in runs if (setup.criterion, s) == (criterion, seed)}
            assert both == {True, False}
    rhos = {(setup.rho, setup.epochs) for setup, seed in runs if setup.criterion == "softmax" and seed == 4}
    assert len(rhos) == 1 + 2 * len(benchmark.RHOS)


def test_at_most_keeps_every_person_and_draws_by_seed(faces: data.ImageSet):
    kept, other = at_most(faces, 3, seed=0), at_most(faces, 3, seed=1)
    assert torch.bincount(kept.labels).tolist() == [3] * 6
    assert not torch.equal(kept.images, other.images)


def test_differences_are_paired_by_seed():
    def run(rho: float, epochs: int, seed: int, accuracy: float) -> dict:
        return {
            "criterion": "softmax",
            "rho": rho,
            "epochs": epochs,
            "seed": seed,
            "accuracy": accuracy,
            "tar": 0.1,
            "ratio": 0.9,
        }

    runs = [run(0.0, benchmark.EPOCHS, seed, 0.7 + seed / 10) for seed in range(3)]
    runs += [run(0.05, 4, seed, 0.72 + seed / 10) for seed in range(3)]
    *means, difference = compare(runs)
    assert [row["value"] for row in means] == pytest.approx([80, 82, 10, 10, 0.9, 0.9])
    assert means[2]["name"].startswith("TAR at FAR 0.01; softmax, SGD") and means[4]["unit"] == ""
    assert difference["unit"] == "points" and difference["value"] == pytest.approx(2)
    assert difference["low"] == pytest.approx(difference["high"])
    assert "3 seeds" in difference["name"]


def test_without_a_folder_it_says_what_is_expected(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COURSE_FACES", raising=False)
    with pytest.raises(RuntimeError, match="COURSE_FACES is not set; expected a folder of aligned faces"):
        faces_of_strangers()
