from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import SGD, Optimizer, lr_scheduler

from course_lib.optim import SAM, schedules
from course_lib.optim.schedules import cosine, exponential, hassanpour_kowsari, linear, multi_step, plateau


def rates(make: Callable[[Optimizer], lr_scheduler.LRScheduler], steps: int, lr: float = 0.1) -> list[float]:
    """The learning rate of each step, the schedule being stepped after it, as fit does."""
    optimizer = SGD([torch.ones(1)], lr=lr)
    schedule = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@given(gamma=st.floats(0.1, 1), steps_per_epoch=st.integers(1, 7))
def test_exponential_is_gamma_to_the_epoch(gamma: float, steps_per_epoch: int):
    found = rates(partial(exponential, gamma=gamma, steps_per_epoch=steps_per_epoch), 20)
    assert found == pytest.approx([0.1 * gamma ** (step // steps_per_epoch) for step in range(20)])


def test_exponential_is_pytorchs_stepped_once_an_epoch():
    by_epoch = rates(lambda o: lr_scheduler.ExponentialLR(o, 0.8), 5)
    assert rates(partial(exponential, gamma=0.8, steps_per_epoch=3), 15)[::3] == pytest.approx(by_epoch)


def test_multi_step():
    found = rates(partial(multi_step, milestones=(1, 3), steps_per_epoch=2, gamma=0.5), 10)
    assert found == pytest.approx([0.1] * 2 + [0.05] * 4 + [0.025] * 4)


@given(epochs=st.integers(2, 6), steps_per_epoch=st.integers(1, 7), data=st.data())
@pytest.mark.parametrize(
    ("make", "shape"),
    [(linear, lambda part: 1 - part), (cosine, lambda part: (1 + math.cos(math.pi * part)) / 2)],
    ids=["linear", "cosine"],
)
def test_warm_up_and_fall(make, shape, epochs: int, steps_per_epoch: int, data):
    warm_up = data.draw(st.integers(0, epochs - 1))
    warming, total = warm_up * steps_per_epoch, epochs * steps_per_epoch
    found = rates(partial(make, epochs=epochs, steps_per_epoch=steps_per_epoch, warm_up_epochs=warm_up), total + 1)
    rise = [0.1 * (step + 1) / (warming + 1) for step in range(warming)]
    fall = [0.1 * shape((step - warming) / (total - warming)) for step in range(warming, total + 1)]
    assert found == pytest.approx(rise + fall, abs=1e-12)
    assert max(found) == pytest.approx(0.1) and min(found[:-1]) > 0 and found[-1] == pytest.approx(0, abs=1e-12)


def test_a_warmed_up_schedule_goes_on_from_its_state():
    make = partial(linear, epochs=4, steps_per_epoch=3, warm_up_epochs=2)
    whole = rates(make, 12)
    for stop in (4, 6, 8):
        first = SGD([torch.ones(1)], lr=0.1)
        schedule = make(first)
        for _ in range(stop):
            first.step()
            schedule.step()
        second = SGD([torch.ones(1)], lr=0.1)
        resumed = make(second)
        second.load_state_dict(first.state_dict())
        resumed.load_state_dict(schedule.state_dict())
        rest = []
        for _ in range(12 - stop):
            rest.append(second.param_groups[0]["lr"])
            second.step()
            resumed.step()
        assert rest == whole[stop:]


def test_it_drives_sam_and_every_group_of_it():
    one, two = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = SAM([{"params": [one]}, {"params": [two], "lr": 1.0}], partial(SGD, lr=0.1))
    schedule = linear(optimizer, epochs=2, steps_per_epoch=2)
    seen = []
    for _ in range(4):
        seen.append([group["lr"] for group in optimizer.base.param_groups])

        def closure() -> torch.Tensor:
            loss = (one + two).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        schedule.step()
    assert sum(seen, []) == pytest.approx([0.1, 1, 0.075, 0.75, 0.05, 0.5, 0.025, 0.25])


def test_plateau():
    optimizer = SGD([torch.ones(1)], lr=0.1)
    schedule = plateau(optimizer, factor=0.5, patience=1)
    found = []
    for loss in (3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0):
        optimizer.step()
        schedule.step(loss)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025])
    assert schedule.monitor == "loss" and plateau(optimizer, monitor="tar", mode="max").monitor == "tar"


# --- Hassanpour and Kowsari ---


def left_after(reading: str, epoch: int, steps_per_epoch: int = 10) -> float:
    """The rate with which the epoch, counted from 0, begins."""
    make = partial(hassanpour_kowsari, reading=reading, steps_per_epoch=steps_per_epoch)
    return rates(make, epoch * steps_per_epoch + 1)[-1]


def test_per_epoch_the_rate_hardly_falls():
    assert (
        left_after("exponential_per_epoch", 100) / 0.1 == pytest.approx(0.998**100) == pytest.approx(0.8186, abs=1e-4)
    )


def test_per_step_the_rate_vanishes():
    left = left_after("exponential_per_step", 100) / 0.1
    assert left == pytest.approx(0.998**1000) and left == pytest.approx(0.135, abs=1e-3)
    assert math.ceil(math.log(1e-3) / math.log(0.998)) == 3451


def test_by_hand_it_falls_at_epochs_20_and_50():
    found = [left_after("manual", epoch) for epoch in (0, 19, 20, 49, 50, 99)]
    assert found == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_the_two_descriptions_contradict_each_other():
    """By hand the rate is still 0.1 when epoch 20 ends; under either reading of the other it is not."""
    for reading in ("exponential_per_epoch", "exponential_per_step"):
        assert left_after(reading, 19) < 0.97 * 0.1
    assert set(schedules.READINGS) == {"exponential_per_epoch", "exponential_per_step", "manual"}


# --- Bad input ---


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(exponential, gamma=0.0, steps_per_epoch=1), "gamma is 0.0; expected more than 0, at most 1"),
        (partial(exponential, gamma=1.1, steps_per_epoch=1), "gamma is 1.1"),
        (partial(exponential, gamma=0.9, steps_per_epoch=0), "steps_per_epoch is 0; expected at least 1"),
        (partial(multi_step, milestones=(5, 3), steps_per_epoch=1), r"milestones are \[5, 3\]; expected rising"),
        (partial(multi_step, milestones=(0, 3), steps_per_epoch=1), r"milestones are \[0, 3\]"),
        (partial(multi_step, milestones=(), steps_per_epoch=1), r"milestones are \[\]"),
        (partial(cosine, epochs=3, steps_per_epoch=5, warm_up_epochs=3), "warm_up_epochs is 3 of 3 epochs"),
        (partial(linear, epochs=3, steps_per_epoch=5, warm_up_epochs=-1), "warm_up_epochs is -1 of 3"),
        (partial(linear, epochs=0, steps_per_epoch=5), "warm_up_epochs is 0 of 0"),
        (partial(hassanpour_kowsari, reading="both", steps_per_epoch=5), "'both'; expected one of exponential_per_ep"),
    ],
)
def test_bad_options_are_refused(make, message: str):
    with pytest.raises(ValueError, match=message):
        make(SGD([torch.ones(1)], lr=0.1))
