"""The state of a training run: all that a checkpoint must hold for the run to go on as if it had never stopped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_lib.training.early_stopping import EarlyStopping
from course_lib.training.history import History, as_number
from course_lib.training.names import named_as_in, plain_state
from course_lib.training.restoring import check_schedule, check_weights, load_optimizer

OWN = ("epoch", "step", "loss", "accuracy", "learning_rate", "seconds")  # columns that every row of the history has


@dataclass
class Run:
    """What is trained, how far it has come, and its record.

    ``epoch`` and ``step_in_epoch`` count what is complete; ``sums`` gathers the epoch that is under way.
    """

    backbone: nn.Module
    criterion: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler | None
    early_stopping: EarlyStopping | None
    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    history: History = field(default_factory=History)
    best_weights: dict[str, Tensor] | None = None

    def __repr__(self) -> str:
        parts = f"{type(self.backbone).__name__}, {type(self.criterion).__name__}"
        return f"Run({parts}: {self.epoch} epochs, {self.step:,} steps)"

    def is_over(self) -> bool:
        """Whether early stopping ends the run here."""
        return self.early_stopping is not None and self.early_stopping.is_over(self.history)

    def count_step(
        self, total: Tensor, parts: Mapping[str, Tensor], logits: Tensor, labels: Tensor, seconds: float
    ) -> None:
        """Add one batch to the epoch's record."""
        self.step += 1
        self.step_in_epoch += 1
        values = {"loss": total, **parts, "accuracy": (logits.argmax(1) == labels).sum() / len(labels)}
        for name, value in values.items():
            self.sums[name] += float(value)
        self.sums["seconds"] += seconds

    def end_epoch(self, evaluated: Mapping[str, Any]) -> None:
        """Close the epoch's row and keep the weights if they are the best so far."""
        seconds = self.sums.pop("seconds")
        means = {name: value / self.step_in_epoch for name, value in self.sums.items()}
        self.epoch += 1
        clash = sorted(set(evaluated) & {*means, "epoch", "step", "learning_rate", "seconds"})
        if clash:
            raise ValueError(f"evaluate returned {', '.join(clash)}, which fit records itself; use other names")
        learning_rate = self.optimizer.param_groups[0]["lr"]
        own = {"epoch": self.epoch, "step": self.step, **means, "learning_rate": learning_rate, "seconds": seconds}
        self.history.rows.append({**own, **evaluated})
        self.sums.clear()
        self.step_in_epoch = 0
        if self.early_stopping is not None and self.early_stopping.best(self.history) == len(self.history) - 1:
            self.best_weights = deepcopy(plain_state(self.backbone))

    def restore_best(self) -> None:
        """Put back the weights that early stopping found best."""
        if self.best_weights is not None:
            self._load_backbone(self.best_weights)

    def _load_backbone(self, weights: Mapping[str, Tensor]) -> None:
        self.backbone.load_state_dict(named_as_in(self.backbone.state_dict(), weights))

    def state(self) -> dict[str, Any]:
        """Tensors and plain values only."""
        return {
            "backbone": plain_state(self.backbone),
            "criterion": self.criterion.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "position": (self.epoch, self.step_in_epoch, self.step),
            "sums": dict(self.sums),
            "history": self.history.rows,
            "best_weights": self.best_weights,
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state(self, state: Mapping[str, Any], steps_per_epoch: int) -> None:
        """Take up what ``state`` gave, of a run of so many batches an epoch.

        Raises ValueError naming a part that is missing or of another shape, also where it is only used much later.
        """
        parts: dict[str, Callable[[Any], object]] = {
            "backbone": self._load_backbone,
            "criterion": self.criterion.load_state_dict,
            "optimizer": lambda given: load_optimizer(self.optimizer, given),
            "schedule": self._load_schedule,
            "position": lambda given: self._load_position(given, steps_per_epoch),
            "sums": self._load_sums,
            "history": self._load_history,
            "best_weights": self._load_best_weights,
            "random": torch.set_rng_state,
            "random_cuda": lambda given: torch.cuda.set_rng_state_all(given) if given else None,
        }
        for part, take_up in parts.items():
            try:
                take_up(state[part])
            except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                raise ValueError(f"its part {part!r} is missing or has another shape ({reason})") from error

    def _load_schedule(self, given: Any) -> None:
        if self.schedule is not None:
            check_schedule(given, self.schedule.state_dict())
            self.schedule.load_state_dict(given)

    def _load_position(self, given: Any, steps_per_epoch: int) -> None:
        if not isinstance(given, tuple) or not all(isinstance(number, int) and number >= 0 for number in given):
            raise ValueError("expected three whole numbers")
        epoch, step_in_epoch, step = given
        if step_in_epoch > steps_per_epoch or step != epoch * steps_per_epoch + step_in_epoch:
            raise ValueError(f"expected epochs of {steps_per_epoch} steps, those of the next, and all of them together")
        self.epoch, self.step_in_epoch, self.step = given

    def _load_sums(self, given: Any) -> None:
        if not isinstance(given, dict) or not all(isinstance(value, Real) for value in given.values()):
            raise ValueError("expected numbers by name")
        if bool(given) != bool(self.step_in_epoch) or (given and not {"loss", "accuracy", "seconds"} <= given.keys()):
            raise ValueError(f"expected those of {self.step_in_epoch} batches: loss, accuracy, seconds and others")
        self.sums.update(given)

    def _load_history(self, rows: Any) -> None:
        if not isinstance(rows, list) or len(rows) != self.epoch or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"expected a row for each of {self.epoch} epochs")
        watched = OWN if self.early_stopping is None else (*OWN, self.early_stopping.monitor)
        for number, row in enumerate(rows, 1):
            lacking = next((name for name in watched if as_number(row.get(name)) is None), None)
            if lacking is not None:
                raise ValueError(f"row {number} has no number {lacking!r}")
        self.history.rows[:] = rows

    def _load_best_weights(self, given: Any) -> None:
        if (given is None) != (self.early_stopping is None or not self.history.rows):
            raise ValueError("early stopping keeps the weights of its best epoch, and nothing else does")
        if given is not None:
            check_weights(given, self.backbone)
        self.best_weights = None if given is None else dict(given)
