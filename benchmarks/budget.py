"""SGD and SAM on one budget: how often a run looks at each photograph, and the recipe that both share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from course_lib import data, optim, training


@dataclass(frozen=True)
class Budget:
    """How long a run trains; ``rho`` 0 is SGD, which looks at each batch once. SAM looks twice."""

    rho: float
    epochs: int

    @property
    def gradients(self) -> int:
        """Passes over the training set that cost a gradient."""
        return self.epochs * (2 if self.rho else 1)


def train(
    network: nn.Module,
    criterion: nn.Module,
    people: data.ImageSet,
    budget: Budget,
    *,
    rate: float,
    weight_decay: float,
    batch_size: int,
    seed: int,
) -> training.History:
    """SGD with momentum and one cycle over flips and shifts, or SAM round it, in float32."""
    learned = [*network.parameters(), *criterion.parameters()]
    base = partial(torch.optim.SGD, lr=rate, momentum=0.9, weight_decay=weight_decay)
    optimizer = optim.SAM(learned, base, budget.rho, module=[network, criterion]) if budget.rho else base(learned)
    steps = budget.epochs * len(training.Batches(people, batch_size))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    augment = data.Compose((data.RandomFlip(), data.RandomShift(2)))
    recipe = {"schedule": schedule, "epochs": budget.epochs, "batch_size": batch_size, "augment": augment, "seed": seed}
    return training.fit(network, criterion, people, optimizer=optimizer, precision="32-true", **recipe)
