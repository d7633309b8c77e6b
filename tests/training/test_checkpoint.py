from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from course_lib.data import RandomShift
from course_lib.losses import CenterLoss
from course_lib.training import EarlyStopping, fit


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed run is forked")
def test_killed_at_five_random_moments_it_ends_with_the_same_bits(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TQDM_DISABLE": "1"}
    command = [sys.executable, str(Path(__file__).with_name("killed_run.py")), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3, "the run was over too soon to be killed"
    assert (tmp_path / "killed.ckpt").exists()

    expected, found = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("whole", "killed"))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.fixture
def run(tiny_net, stripes, tmp_path):
    """Train three epochs with a checkpoint; options replace the usual ones."""
    initial = {name: tensor.clone() for name, tensor in tiny_net.state_dict().items()}

    def go(net: nn.Module | None = None, weight: float = 0.1, lr: float = 0.01, **options):
        net = tiny_net if net is None else net
        if net is tiny_net:
            net.load_state_dict(initial)
        criterion = CenterLoss(5, 3, weight=weight, seed=0)
        optimizer = torch.optim.SGD([*net.parameters(), *criterion.parameters()], lr=lr)
        usual = {"epochs": 3, "batch_size": 30, "checkpoint": tmp_path / "run.ckpt"}
        return fit(net, criterion, stripes, optimizer=optimizer, **{**usual, **options})

    return go


def test_a_finished_run_is_taken_as_it_is_and_may_be_prolonged(run, tiny_net):
    first = run()
    weights = tiny_net.out.weight.clone()
    again = run()
    assert torch.equal(tiny_net.out.weight, weights) and again["loss"] == first["loss"]
    longer = run(epochs=5)
    assert longer["loss"][:3] == first["loss"] and longer["epoch"] == [1, 2, 3, 4, 5]


def test_without_resume_it_starts_afresh(run):
    first = run()
    assert run(resume=False, epochs=1)["loss"] == first["loss"][:1]


def test_a_run_that_stopped_early_stays_stopped_with_its_best_weights(run, tiny_net):
    options = {"early_stopping": EarlyStopping("loss", patience=1, mode="max"), "epochs": 9}
    first = run(**options)
    weights = tiny_net.out.weight.clone()
    assert len(first) == 2
    assert len(run(**options)) == 2 and torch.equal(tiny_net.out.weight, weights)


class Wider(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(72, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out(images.flatten(1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net": Wider()}, r"run\.ckpt is the checkpoint of another run: its backbone has"),
        ({"weight": 0.2}, r"its criterion is .*weight=0\.1.* here it is .*weight=0\.2"),
        ({"lr": 0.02}, "its optimizer is"),
        ({"batch_size": 20}, "its batch size is 30, here it is 20"),
        ({"seed": 1}, "its seed is 0, here it is 1"),
        ({"augment": RandomShift(1)}, r"its augmentation is None, here it is RandomShift\(pixels=1\)"),
        ({"precision": "64-true"}, "its precision is"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(run, change, message):
    run(epochs=1)
    with pytest.raises(ValueError, match=message):
        run(**change)


class Malice:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>not found</html>", pickle.dumps(Malice()), "malicious archive", "cut in half", "other dictionary"],
)
def test_a_bad_file_is_refused_and_nothing_in_it_runs(run, tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.ckpt"
    if content == "malicious archive":
        torch.save({"settings": Malice()}, path)
    elif content == "other dictionary":
        torch.save({"epoch": 3}, path)
    elif content == "cut in half":
        run(epochs=1)
        path.write_bytes(path.read_bytes()[:3000])
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.ckpt is no checkpoint of fit\(\).*Delete it to start afresh"):
        run()
    assert not (tmp_path / "executed").exists()
