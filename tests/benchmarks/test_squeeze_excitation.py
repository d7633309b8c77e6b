from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import squeeze_excitation
from benchmarks.squeeze_excitation import SIDE, compare, factors_of, network, sweep, two_digits
from course_lib import data
from course_lib.evaluation import paired_difference


@pytest.fixture(scope="module")
def digits() -> data.ImageSet:
    return data.digits()[1].resized(SIDE, SIDE)


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, records: None, digits: data.ImageSet
) -> None:
    few = {"TEST_PEOPLE": 5, "PAIRS": 40, "DIGIT_EPOCHS": 1, "FACE_EPOCHS": 1, "CHANNELS": 8}
    for name, value in few.items():
        monkeypatch.setattr(squeeze_excitation, name, value)
    faces = data.orl_faces().subset(range(150))
    monkeypatch.setattr(data, "orl_faces", lambda: faces)
    monkeypatch.setattr(data, "digits", lambda: (digits, digits))
    wanted = [("far", 0), ("near", 0), ("faces", 0)]
    runs = sweep(wanted)["runs"]
    assert [(run["task"], run["squeeze"]) for run in runs] == [(t, s) for t, _ in wanted for s in (False, True)]
    assert ["factors" in run for run in runs] == [False, True] * 3
    assert [len(values) for values in runs[1]["factors"]] == [8, 8]
    low, middle, high = runs[5]["factors"]
    assert 0 < low < middle < high < 1 and runs[5]["varies"] > 0
    monkeypatch.setattr(squeeze_excitation, "fitted", lambda *_, **__: pytest.fail("trained again"))
    assert sweep(wanted)["runs"] == runs


@pytest.mark.parametrize("lamp", ["far", "near"])
def test_the_lamp_says_which_digit_is_asked(digits: data.ImageSet, lamp: str) -> None:
    pictures, on = two_digits(digits, lamp, 0)
    assert 0.4 < on.float().mean() < 0.6
    assert torch.equal(pictures.labels[on], digits.labels[on]), "the red digits keep their order"
    assert torch.equal(pictures.images[:, 0, :, :SIDE], digits.images[:, 0])
    for i in torch.nonzero(~on).flatten()[:20].tolist():
        green = pictures.images[i, 1, :, :SIDE]
        same = (digits.images[:, 0] == green).all(dim=(1, 2))
        assert same.any() and digits.labels[same][0] == pictures.labels[i]
    blue = (pictures.images[:, 2] == 255).flatten(1).sum(1)
    assert torch.equal(blue > 0, on)
    assert set(blue[on].tolist()) == ({9} if lamp == "far" else {pictures.images[0, 2].numel()})


def test_hardly_a_place_of_the_last_map_sees_a_digit_and_the_far_lamp(digits: data.ImageSet) -> None:
    pictures, on = two_digits(digits, "far", 0)
    window = 15
    ink = pictures.images[:, :2].amax(dim=(0, 1, 2)).nonzero().flatten()
    ink = [c for c in ink.tolist() if (pictures.images[:, :2, :, c] > 64).any(dim=(1, 2)).float().mean() > 0.02]
    lit = pictures.images[on, 2].amax(dim=(0, 1)).nonzero().flatten()
    assert max(ink) < SIDE <= lit.min() and lit.min() - max(ink) > window - 3
    net = network(squeeze=False, seed=0)[:-2].eval()
    x = torch.zeros(1, 3, SIDE, pictures.images.shape[3])
    moved = x.clone()
    moved[..., int(lit.min()) :] = 1
    seen = (net(x) != net(moved)).any(dim=(1, 2))[0].nonzero().flatten() * 2
    assert seen.min() >= int(lit.min()) - window // 2


def test_factors_are_those_of_the_last_unit() -> None:
    net = network(squeeze=True, seed=0)
    factors = factors_of(net, torch.zeros(3, 3, 14, 30, dtype=torch.uint8))
    assert factors.shape == (3, squeeze_excitation.CHANNELS) and ((0 < factors) & (factors < 1)).all()
    torch.nn.init.zeros_(net[4].residual[-1].weights[3].weight)
    assert (factors_of(net, torch.zeros(3, 3, 14, 30, dtype=torch.uint8)) == 0.5).all()


def test_differences_are_paired_by_seed() -> None:
    rng, runs, of = np.random.default_rng(0), [], {True: [], False: []}
    for squeeze in (False, True):
        for seed in range(4):
            of[squeeze].append(rng.uniform())
            runs.append({"task": "far", "seed": seed, "squeeze": squeeze, "named": of[squeeze][-1]})
    (row,) = compare(runs[::-1])
    interval = paired_difference(100 * np.array(of[True]), 100 * np.array(of[False]))
    assert row["name"] == "far, named: SE - none"
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)
    assert compare(runs[:4]) == []
