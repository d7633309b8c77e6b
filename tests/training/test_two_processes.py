"""Two processes of PyTorch's DDP end with what one has learned; they are started once for all ways to train."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import two_processes
from two_processes import WAYS

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[State, State]]:
    """What each of the two has in the end, by the way to train."""
    folder = tmp_path_factory.mktemp("two")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, two_processes.__file__, str(folder)], env=environment, capture_output=True, timeout=600
    )
    assert done.returncode == 0, done.stderr.decode()
    return {name: tuple(torch.load(folder / f"{name}_{rank}.pt") for rank in (0, 1)) for name in WAYS}


# In 8 bits nearly: each has seen half of a batch, and the ranges are those of the first.
@pytest.mark.slow
@pytest.mark.parametrize(("way", "apart"), [("sgd", 1e-5), ("sam", 1e-5), ("quantized", 0.02)])
def test_two_processes_train_what_one_does(learned, way, apart):
    one = WAYS[way](1)
    for state in learned[way]:
        assert state.keys() == one.keys()
        for name, tensor in one.items():
            assert torch.allclose(tensor, state[name], atol=apart), name


def test_all_processes_keep_one_learning_rate(learned):
    """The mean over both decides: it falls once, then rises."""
    for state in learned["plateau"]:
        assert state["rate"].tolist() == pytest.approx([0.05, 0.05, 0.05, 0.025])


@pytest.mark.parametrize("way", ["early", "early by a tensor", "normed", "sgd"])
def test_all_processes_end_with_the_same_network_and_history(learned, way):
    """To the bit: weights, batch norm's statistics, losses and the number of epochs."""
    first, second = learned[way]
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_losses_are_means_over_the_processes(learned):
    one = WAYS["sgd"](1)["losses"]
    assert torch.allclose(learned["sgd"][0]["losses"], one, atol=1e-5)


def test_early_stopping_was_early(learned):
    assert 2 <= len(learned["early"][0]["losses"]) < 20
    assert len(learned["early by a tensor"][0]["losses"]) == 3
