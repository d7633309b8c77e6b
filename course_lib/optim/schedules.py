"""Learning-rate schedules of ``torch.optim.lr_scheduler``, made for ``fit``.

``fit`` steps a schedule after every batch, papers speak of epochs: each function takes ``steps_per_epoch``, which is
``len(Batches(train, batch_size))`` for the set and batch size given to ``fit``. Only ``plateau`` is stepped by the
epoch. The optimizer's own learning rate is the one that a schedule starts from or warms up to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

READINGS = ("exponential_per_epoch", "exponential_per_step", "manual")


def exponential(optimizer: Optimizer, gamma: float, *, steps_per_epoch: int) -> LRScheduler:
    """Multiply the rate by ``gamma`` after every epoch; with ``steps_per_epoch=1`` after every batch.

    The same rates as ``ExponentialLR`` stepped once an epoch. Raises ``ValueError`` for gamma outside (0, 1].
    """
    _check(gamma=gamma, steps_per_epoch=steps_per_epoch)
    return StepLR(optimizer, steps_per_epoch, gamma)


def multi_step(
    optimizer: Optimizer, milestones: Sequence[int], *, steps_per_epoch: int, gamma: float = 0.1
) -> LRScheduler:
    """Multiply the rate by ``gamma`` when so many epochs are over: ``milestones=(20, 50)`` begins epoch 21 lower.

    Raises ``ValueError`` for milestones that do not rise from 1 or more, and gamma outside (0, 1].
    """
    _check(gamma=gamma, steps_per_epoch=steps_per_epoch)
    if list(milestones) != sorted(set(milestones)) or min(milestones, default=0) < 1:
        raise ValueError(f"milestones are {list(milestones)}; expected rising numbers of epochs, from 1 on")
    return MultiStepLR(optimizer, [epoch * steps_per_epoch for epoch in milestones], gamma)


def cosine(optimizer: Optimizer, *, epochs: int, steps_per_epoch: int, warm_up_epochs: int = 0) -> LRScheduler:
    """Warm up linearly, then fall to zero along half a cosine (Loshchilov and Hutter 2017, without restarts).

    Raises ``ValueError`` unless 0 <= warm_up_epochs < epochs.
    """
    return _warmed_up(optimizer, CosineAnnealingLR, epochs, steps_per_epoch, warm_up_epochs)


def linear(optimizer: Optimizer, *, epochs: int, steps_per_epoch: int, warm_up_epochs: int = 0) -> LRScheduler:
    """Warm up linearly, then fall to zero linearly; insightface trains its face networks so.

    Raises ``ValueError`` unless 0 <= warm_up_epochs < epochs.
    """
    return _warmed_up(optimizer, PolynomialLR, epochs, steps_per_epoch, warm_up_epochs)


def plateau(
    optimizer: Optimizer, *, monitor: str = "loss", mode: str = "min", factor: float = 0.1, patience: int = 5
) -> ReduceLROnPlateau:
    """Multiply the rate by ``factor`` when ``monitor`` has not improved for more than ``patience`` epochs.

    ``fit`` steps it at the end of each epoch, with the last value of that column of its history: ``"loss"``, or a
    number that ``evaluate`` returns, with ``mode="max"`` if larger is better.
    """
    schedule = ReduceLROnPlateau(optimizer, mode, factor, patience)
    schedule.monitor = monitor  # read by fit
    return schedule


def hassanpour_kowsari(optimizer: Optimizer, reading: str, *, steps_per_epoch: int) -> LRScheduler:
    """The schedule of Hassanpour and Kowsari (2023, sections 3.3 and 3.4), which the paper describes in two ways.

    Section 3.3 has "an exponential learning rate scheduler with a gamma value of 0.998" and does not say how often it
    is stepped. Section 3.4 lowers the rate by hand "from 0.1 to 0.01 and subsequently to 0.001" at epochs 20 and 50 of
    100. They cannot both hold: the rate at epoch 20 would not be 0.1. So there are three readings; the optimizer's own
    rate should be 0.1.

    ``"exponential_per_epoch"``: times 0.998 each epoch. After 100 epochs 0.998^100 = 0.82 of the rate is left.

    ``"exponential_per_step"``: times 0.998 each batch. After 3,451 batches a thousandth is left.

    ``"manual"``: 0.1 for 20 epochs, 0.01 for 30, 0.001 for the last 50.

    Raises ``ValueError`` for another reading.
    """
    if reading == "exponential_per_epoch":
        return exponential(optimizer, 0.998, steps_per_epoch=steps_per_epoch)
    if reading == "exponential_per_step":
        return exponential(optimizer, 0.998, steps_per_epoch=1)
    if reading == "manual":
        return multi_step(optimizer, (20, 50), steps_per_epoch=steps_per_epoch)
    raise ValueError(f"reading is {reading!r}; expected one of {', '.join(READINGS)}")


def _warmed_up(
    optimizer: Optimizer,
    decay: Callable[[Optimizer, int], LRScheduler],
    epochs: int,
    steps_per_epoch: int,
    warm_up_epochs: int,
) -> LRScheduler:
    """``decay`` over what the warm-up leaves of the steps. Step t of W warming ones has (t + 1) / (W + 1) of the rate:
    no step is wasted at zero, and the first after them has the whole."""
    _check(steps_per_epoch=steps_per_epoch)
    if not 0 <= warm_up_epochs < epochs:
        raise ValueError(f"warm_up_epochs is {warm_up_epochs} of {epochs} epochs; expected 0 or more, and fewer")
    warming = warm_up_epochs * steps_per_epoch
    falling = epochs * steps_per_epoch - warming
    if not warming:
        return decay(optimizer, falling)
    warm_up = LinearLR(optimizer, start_factor=1 / (warming + 1), total_iters=warming)
    return SequentialLR(optimizer, [warm_up, decay(optimizer, falling)], milestones=[warming])


def _check(*, steps_per_epoch: int, gamma: float = 1.0) -> None:
    if steps_per_epoch < 1:
        raise ValueError(f"steps_per_epoch is {steps_per_epoch}; expected at least 1")
    if not 0 < gamma <= 1:
        raise ValueError(f"gamma is {gamma}; expected more than 0, at most 1")
