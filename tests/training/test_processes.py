"""What several processes agree on, by hand: two of them played by a stand-in for Lightning Fabric."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_lib.training.processes import mean_over_processes, share_buffers

ALONE = SimpleNamespace(world_size=1)
TWO = SimpleNamespace(world_size=2)


def answers(monkeypatch: pytest.MonkeyPatch, other: dict[str, float]) -> list[dict[str, float]]:
    """Let the other process have those numbers; what this one sends is noted."""
    sent: list[dict[str, float]] = []

    def gather(everyone: list[dict[str, float]], own: dict[str, float]) -> None:
        sent.append(own)
        everyone[:] = [own, other]

    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    return sent


def test_numbers_are_averaged_and_the_rest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = answers(monkeypatch, {"loss": 4.0, "steps": 1.0})
    assert mean_over_processes(TWO, {"loss": 1.0, "note": "mine", "steps": 2}) == {
        "loss": 2.5,
        "note": "mine",
        "steps": 1.5,
    }
    assert sent == [{"loss": 1.0, "steps": 2.0}]


@pytest.mark.parametrize(
    "value", [torch.tensor(1.0), torch.tensor([1]), torch.tensor(True), np.array(1.0), np.float32(1)]
)
def test_one_number_is_averaged_whatever_holds_it(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {"score": 2.0})
    pair = torch.tensor([1.0, 2.0])
    assert mean_over_processes(TWO, {"score": value, "pair": pair}) == {"score": 1.5, "pair": pair}


def test_one_process_asks_nobody() -> None:
    values = {"loss": 1.0, "note": "mine"}
    found = mean_over_processes(ALONE, values)
    assert found == values and found is not values


@pytest.mark.parametrize(("other", "told"), [({"error": 1.0}, "error"), ({}, "none"), ({"loss": 1, "x": 1}, "loss, x")])
def test_other_names_are_refused(other: dict[str, float], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, other)
    with pytest.raises(ValueError, match=rf"different things \(process 0: loss; process 1: {told}\)"):
        mean_over_processes(TWO, {"loss": 1.0})


def with_others(change: Callable[[Tensor], Tensor]) -> SimpleNamespace:
    def all_reduce(mine: Tensor, reduce_op: str) -> Tensor:
        assert reduce_op == "mean"
        return (mine + change(mine)) / 2

    def broadcast(mine: Tensor, src: int) -> Tensor:
        assert src == 0
        return change(mine)

    return SimpleNamespace(world_size=2, all_reduce=all_reduce, broadcast=broadcast)


def test_statistics_are_averaged_and_counts_are_the_firsts() -> None:
    first, second = nn.BatchNorm1d(2), nn.BatchNorm1d(1)
    for norm in (first, second):
        norm.num_batches_tracked.fill_(3)
    share_buffers(with_others(lambda mine: mine + 4), first, nn.Sequential(second))
    for norm in (first, second):
        assert norm.running_mean.eq(2).all() and norm.running_var.eq(3).all() and norm.num_batches_tracked == 7


def test_one_process_keeps_its_buffers() -> None:
    norm = nn.BatchNorm1d(2)
    share_buffers(ALONE, norm)
    assert norm.running_mean.eq(0).all()
