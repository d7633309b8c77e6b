"""When fit steps a schedule."""

from __future__ import annotations

import pytest
import torch
from tiny_network import TinyNet
from torch.optim import SGD
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
)

from course_lib.losses import Softmax
from course_lib.training import fit
from course_lib.training.schedule import check_length, steps_of


def run(images, make, epochs: int, **options):
    """A run with the schedule that ``make`` makes: (history, schedule, weights)."""
    torch.manual_seed(0)
    net, criterion = TinyNet(), Softmax(5, 3, seed=0)
    optimizer = SGD([*net.parameters(), *criterion.parameters()], lr=0.1, momentum=0.9)
    schedule = make(optimizer)
    history = fit(
        net, criterion, images, optimizer=optimizer, schedule=schedule, epochs=epochs, batch_size=30, **options
    )
    return history, schedule, [*net.state_dict().values(), *criterion.state_dict().values()]


def waiting(monitor: str | None = None, mode: str = "min"):
    def make(optimizer):
        schedule = ReduceLROnPlateau(optimizer, mode, factor=0.5, patience=0)
        if monitor is not None:
            schedule.monitor = monitor
        return schedule

    return make


def test_a_schedule_steps_after_every_batch(stripes):
    history, _, _ = run(stripes, lambda optimizer: ExponentialLR(optimizer, 0.9), epochs=2)
    assert history["learning_rate"] == pytest.approx([0.1 * 0.9**3, 0.1 * 0.9**6])


def test_a_plateau_steps_after_every_epoch_with_the_epochs_loss(stripes):
    history, schedule, _ = run(stripes, waiting(mode="max"), epochs=4)
    # Learning lowers the loss, so the first is the largest: each epoch after it halves the rate of the next.
    assert history["loss"] == sorted(history["loss"], reverse=True)
    assert history["learning_rate"] == pytest.approx([0.1, 0.1, 0.05, 0.025])
    assert schedule.best == pytest.approx(history["loss"][0])


def test_or_with_the_column_it_names(stripes):
    values = iter([3.0, 2.0, 2.0, 1.0, 1.0])
    history, _, _ = run(stripes, waiting("error"), epochs=5, evaluate=lambda net: {"error": next(values)})
    assert history["learning_rate"] == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05])


def test_a_column_that_is_not_there_is_named(stripes):
    with pytest.raises(KeyError, match="no column 'error'; the history has epoch, step, loss"):
        run(stripes, waiting("error"), epochs=1)


def test_an_interrupted_run_goes_on_with_the_same_bits(stripes, tmp_path):
    whole = run(stripes, waiting(mode="max"), epochs=5)
    run(stripes, waiting(mode="max"), epochs=3, checkpoint=tmp_path / "run.ckpt")
    resumed = run(stripes, waiting(mode="max"), epochs=5, checkpoint=tmp_path / "run.ckpt")
    assert resumed[0]["learning_rate"] == whole[0]["learning_rate"] and resumed[0]["loss"] == whole[0]["loss"]
    assert all(torch.equal(a, b) for a, b in zip(whole[2], resumed[2], strict=True))


def a_schedule(kind: str):
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    single = {
        "cosine": lambda: CosineAnnealingLR(optimizer, T_max=7),
        "polynomial": lambda: PolynomialLR(optimizer, total_iters=5),
        "one cycle": lambda: OneCycleLR(optimizer, max_lr=1, total_steps=9),
        "exponential": lambda: ExponentialLR(optimizer, 0.9),
        "to zero": lambda: LinearLR(optimizer, 1, 0, total_iters=8),
        "to a tenth": lambda: LinearLR(optimizer, 1, 0.1, total_iters=8),
        "warm-up": lambda: LinearLR(optimizer, 0.1, 1, total_iters=2),
    }
    if " and " in kind:
        return ChainedScheduler([single[name]() for name in kind.split(" and ")])
    parts = [single[name]() for name in kind.split(" then ")]
    return parts[0] if len(parts) == 1 else SequentialLR(optimizer, parts, milestones=[3, 4][: len(parts) - 1])


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ("cosine", 7),
        ("polynomial", 5),
        ("one cycle", 9),
        ("exponential", None),
        ("exponential then cosine", 3 + 7),
        ("exponential then exponential then polynomial", 4 + 5),
        ("cosine then exponential", None),
        ("to zero", 8),
        ("to a tenth", None),
        ("warm-up", None),
        ("warm-up then to zero", 3 + 8),
        ("exponential and cosine", 7),
        ("to zero and polynomial and warm-up", 5),
        ("exponential and warm-up", None),
    ],
)
def test_after_how_many_steps_a_schedule_is_over(kind, steps):
    schedule = a_schedule(kind)
    assert steps_of(schedule) == steps and steps_of(None) is None
    check_length(schedule, epochs=1, steps_per_epoch=steps or 10**9)


def test_a_schedule_that_ends_before_the_training_is_refused():
    words = "the schedule, CosineAnnealingLR, ends after 7 steps; 2 epochs of 4 batches take 8"
    with pytest.raises(ValueError, match=words):
        check_length(a_schedule("cosine"), epochs=2, steps_per_epoch=4)
    check_length(None, epochs=2, steps_per_epoch=4)
