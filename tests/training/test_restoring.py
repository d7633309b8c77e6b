"""What PyTorch takes without a look, looked at."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.optim import ASGD, SGD, Adadelta, Adafactor, Adagrad, Adam, Adamax, AdamW, NAdam, RAdam, RMSprop, Rprop
from torch.optim.lr_scheduler import ChainedScheduler, ReduceLROnPlateau, SequentialLR, StepLR

from course_lib.optim import SAM
from course_lib.training.restoring import check_schedule, check_weights, load_optimizer


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


def look_sam(parameters):
    return SAM(parameters, partial(SGD, lr=0.1, momentum=0.9), every=2)


def of_adafactor(parameters):
    return SAM(parameters, Adafactor, every=2)


KEEPING = [
    ASGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
    look_sam,
    of_adafactor,
]
KEEPING += [partial(SGD, momentum=0.9), partial(Adam, amsgrad=True), partial(RMSprop, centered=True, momentum=0.9)]


@pytest.mark.parametrize("make", [*KEEPING, SGD, torch.optim.LBFGS])
def test_what_an_optimizer_keeps_fits_it(make) -> None:
    state = stepped(make).state_dict()
    for again in (make(nn.Linear(3, 2).parameters()), stepped(make)):
        load_optimizer(again, state)
        assert str(again.state_dict()) == str(state)


@pytest.mark.parametrize("make", KEEPING)
def test_what_an_optimizer_keeps_is_whole_and_of_the_parameter_s_shape(make) -> None:
    optimizer = stepped(make)
    whole = copy.deepcopy(optimizer.state_dict())
    assert whole["state"][0]
    for name, value in whole["state"][0].items():
        other = torch.zeros(*value.shape, 5)
        for state, found in (({}, "missing"), ({name: other}, r"of shape \(.*5\)"), ({name: "text"}, "a str")):
            given = copy.deepcopy(whole)
            del given["state"][0][name]
            given["state"][0].update(state)
            if not state and (name == "flat_direction" or len(whole["state"][0]) == 1):
                continue  # of a step before LookSAM looked, or of no step at all
            with pytest.raises((ValueError, KeyError), match=f"a parameter's {name} is {found}; expected|^'step'$"):
                load_optimizer(optimizer, given)


def test_a_parameter_that_has_had_no_gradient_has_no_state() -> None:
    optimizer = stepped(Adam)
    state = copy.deepcopy(optimizer.state_dict())
    state["state"] = {0: {}}
    load_optimizer(optimizer, state)
    assert not optimizer.state[optimizer.param_groups[0]["params"][1]]


def test_trying_a_step_leaves_no_trace() -> None:
    optimizer = stepped(Adam)
    schedule = StepLR(optimizer, 1)
    optimizer.register_step_post_hook(lambda *_: pytest.fail("a hook was called"))
    layer, before = optimizer.param_groups[0]["params"], copy.deepcopy(optimizer.state_dict())
    weights, count = [p.clone() for p in layer], getattr(optimizer, "_opt_called", None)
    load_optimizer(optimizer, before)
    assert str(optimizer.state_dict()) == str(before) and schedule.last_epoch == 0
    assert all(torch.equal(*pair) for pair in zip(weights, layer, strict=True))
    assert getattr(optimizer, "_opt_called", None) == count


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lr", "fast", "lr of group 0 is a str; expected a number"),
        ("lr", None, "lr of group 0 is a NoneType; expected a number"),
        ("betas", (0.9,), "betas of group 0 is a tuple; expected a tuple"),
        ("betas", (0.9, "x"), "betas of group 0 is a tuple; expected a tuple"),
        ("eps", torch.ones(2), r"eps of group 0 is of shape \(2,\); expected a number"),
    ],
)
def test_a_setting_of_another_kind_is_named(name, value, message) -> None:
    optimizer = stepped(Adam)
    state = copy.deepcopy(optimizer.state_dict())
    state["param_groups"][0][name] = value
    with pytest.raises(ValueError, match=message):
        load_optimizer(optimizer, state)


def test_numbers_and_tensors_of_another_kind_are_named() -> None:
    optimizer = stepped(torch.optim.Adam)
    whole = copy.deepcopy(optimizer.state_dict())
    for name, value, message in (
        ("step", torch.zeros(2), r"step is of shape \(2,\); expected a number"),
        ("exp_avg", torch.zeros(3), r"exp_avg is of shape \(3,\); expected of shape \(2, 3\)"),
        ("exp_avg", "text", r"exp_avg is a str; expected of shape \(2, 3\)"),
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
