"""The state of a training run: all that a checkpoint must hold for the run to go on as if it had never stopped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from course_lib.training.early_stopping import EarlyStopping
from course_lib.training.history import History
from course_lib.training.names import named_as_in, plain_state


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

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state`` gave. Raises ValueError naming a part that is missing or of another shape."""
        parts: dict[str, Callable[[Any], object]] = {
            "backbone": self._load_backbone,
            "criterion": self.criterion.load_state_dict,
            "optimizer": self.optimizer.load_state_dict,
            "schedule": lambda given: self.schedule is not None and self.schedule.load_state_dict(given),
            "position": self._load_position,
            "sums": lambda given: self.sums.update(given),
            "history": self._load_history,
            "best_weights": lambda given: setattr(self, "best_weights", given if given is None else dict(given)),
            "random": torch.set_rng_state,
            "random_cuda": lambda given: torch.cuda.set_rng_state_all(given) if given else None,
        }
        for part, take_up in parts.items():
            try:
                take_up(state[part])
            except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                raise ValueError(f"its part {part!r} is missing or has another shape ({reason})") from error

    def _load_position(self, given: Any) -> None:
        if not isinstance(given, tuple) or not all(isinstance(number, int) and number >= 0 for number in given):
            raise ValueError("expected three whole numbers")
        self.epoch, self.step_in_epoch, self.step = given

    def _load_history(self, rows: Any) -> None:
        if not isinstance(rows, list) or len(rows) != self.epoch or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"expected a row for each of {self.epoch} epochs")
        self.history.rows[:] = rows
