"""When to stop early: a rule on the history, with no state of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

from course_lib.training.history import History, as_number


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs; the best epoch's
    weights win.

    Attributes:
        monitor: a column of the history: ``"loss"``, or a number that ``evaluate`` returns.
        patience: epochs to wait, at least 1.
        mode: ``"min"`` if smaller is better, ``"max"`` if larger is.
        min_delta: what counts as an improvement, in the monitor's unit.
    """

    monitor: str
    patience: int = 5
    mode: str = "min"
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise ValueError(f"mode is {self.mode!r}; expected 'min' or 'max'")
        if not isinstance(self.patience, int) or self.patience < 1:
            raise ValueError(f"patience is {self.patience}; expected at least 1 epoch, a whole number")

    def best(self, history: History) -> int:
        """The index of the row that first reached the best value; -1 for an empty history.

        Raises ``KeyError`` for a column that is not there, and ``TypeError`` for one of other things than numbers.
        """
        sign = 1 if self.mode == "min" else -1
        best_index, best_value = -1, math.inf
        for index, found in enumerate(history[self.monitor]):
            value = as_number(found)
            if value is None:
                raise TypeError(f"early stopping watches {self.monitor!r}, a {type(found).__name__}; expected a number")
            ranked = math.inf if math.isnan(value) else sign * value  # NaN is worse than any number
            if best_index < 0 or ranked < best_value - self.min_delta:
                best_index, best_value = index, ranked
        return best_index

    def is_over(self, history: History) -> bool:
        """Whether the patience is used up."""
        return len(history) > 0 and len(history) - 1 - self.best(history) >= self.patience
