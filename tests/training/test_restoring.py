"""What PyTorch takes without a look, looked at."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ChainedScheduler, ReduceLROnPlateau, SequentialLR, StepLR

from course_lib.optim import SAM
from course_lib.training.restoring import ELEMENTWISE, check_schedule, check_weights, load_optimizer


def stepped(make) -> torch.optim.Optimizer:
    layer = nn.Linear(3, 2)
    optimizer = make(layer.parameters())

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = layer(torch.ones(1, 3)).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return optimizer


OTHERS = [torch.optim.Adafactor, torch.optim.LBFGS, partial(torch.optim.SGD, momentum=0.9)]


@pytest.mark.parametrize(
    "make", [*ELEMENTWISE, *OTHERS, lambda p: SAM(p, partial(torch.optim.SGD, lr=0.1, momentum=0.9), every=2)]
)
def test_what_an_optimizer_keeps_fits_it(make) -> None:
    state = stepped(make).state_dict()
    again = make(nn.Linear(3, 2).parameters())
    load_optimizer(again, state)
    assert str(again.state_dict()) == str(state)


def test_numbers_and_tensors_of_another_kind_are_named() -> None:
    optimizer = stepped(torch.optim.Adam)
    whole = copy.deepcopy(optimizer.state_dict())
    for name, value, message in (
        ("step", torch.zeros(2), r"step is of shape \(2,\); expected a number"),
        ("exp_avg", torch.zeros(3), r"exp_avg is of shape \(3,\); expected a tensor of shape \(2, 3\)"),
        ("exp_avg", "text", r"exp_avg is a str; expected a tensor of shape \(2, 3\)"),
    ):
        state = copy.deepcopy(whole)
        state["state"][0][name] = value
        with pytest.raises(ValueError, match=message):
            load_optimizer(optimizer, state)


def test_a_setting_of_a_group_that_is_not_there_is_named() -> None:
    optimizer = stepped(torch.optim.SGD)
    state = optimizer.state_dict()
    del state["param_groups"][0]["lr"]
    with pytest.raises(ValueError, match="group 0 has no lr"):
        load_optimizer(optimizer, state)


def test_a_schedule_says_how_far_it_has_come() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    parts = [StepLR(optimizer, 1), StepLR(optimizer, 2)]
    for schedule in (
        *parts,
        SequentialLR(optimizer, parts, [1]),
        ChainedScheduler(parts),
        ReduceLROnPlateau(optimizer),
    ):
        check_schedule(schedule.state_dict(), schedule.state_dict())
    here = ChainedScheduler(parts).state_dict()
    for given in ({"_schedulers": [{}, {}]}, {"_schedulers": here["_schedulers"][:1]}, {}):
        with pytest.raises(ValueError, match="no last_epoch|has [01] parts; expected 2"):
            check_schedule(given, here)


def test_weights_of_another_network_are_named() -> None:
    check_weights({f"module.{name}": tensor for name, tensor in nn.Linear(3, 2).state_dict().items()}, nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"its weight is of shape \(2, 3\); expected of shape \(2, 4\)"):
        check_weights(nn.Linear(3, 2).state_dict(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"its bias is a str; expected of shape \(2,\)"):
        check_weights({**nn.Linear(3, 2).state_dict(), "bias": "x"}, nn.Linear(3, 2))
