from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import vit_positions
from benchmarks.vit_positions import compare, network, sweep
from course_lib import data
from course_lib.evaluation import paired_difference


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(monkeypatch: pytest.MonkeyPatch, records: None, shallow: None) -> None:
    for name, value in {"TEST_PEOPLE": 5, "PAIRS": 40, "FACE_SIZE": (24, 16)}.items():
        monkeypatch.setattr(vit_positions, name, value)
    faces, (_, digits) = data.orl_faces().subset(range(150)), data.digits()
    monkeypatch.setattr(data, "orl_faces", lambda: faces)
    monkeypatch.setattr(data, "digits", lambda: (digits, digits))
    wanted = [("digits", 14, "without", 1, 0), ("faces", 8, "with", 2, 0), ("faces", 8, "MobileFaceNet", 1, 0)]
    runs = sweep(wanted)["runs"]
    assert [(run["task"], run["kind"], len(run["named"])) for run in runs] == [(one[0], *one[2:4]) for one in wanted]
    assert all(0 < run["accuracy"] <= 1 for run in runs)
    for name in ("on_digits", "on_faces"):
        monkeypatch.setattr(vit_positions, name, lambda *_: pytest.fail("trained again"))
    assert sweep(wanted)["runs"] == runs


def test_a_network_without_positions_does_not_see_where_patches_lie() -> None:
    with_them, without = (network(kind, (28, 28), 14, 0).eval() for kind in ("with", "without"))
    assert not without.positions.requires_grad and (without.positions == 0).all()
    x = torch.rand(1, 1, 28, 28)
    moved = torch.cat([x[..., 14:, :], x[..., :14, :]], dim=2)
    assert torch.allclose(without(x), without(moved), atol=1e-6)
    assert not torch.allclose(with_them(x), with_them(moved), atol=1e-5)
    assert torch.equal(with_them.patches.weight, without.patches.weight), "they begin alike otherwise"


def test_differences_are_paired_with_the_transformer_of_as_many_epochs() -> None:
    rng, runs, of = np.random.default_rng(0), [], {}
    for patch, kind in ((4, "with"), (4, "without"), (7, "without")):
        of[patch, kind] = rng.uniform(size=4)
        for seed, accuracy in enumerate(of[patch, kind]):
            one = {"task": "digits", "patch": patch, "kind": kind, "epochs": 6, "seed": seed}
            runs.append({**one, "accuracy": accuracy})
    (row,) = compare(runs[::-1])
    interval = paired_difference(100 * of[4, "with"], 100 * of[4, "without"])
    assert row["name"] == "digits, patches of 4, 6 epochs: with positions - without"
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-3)
