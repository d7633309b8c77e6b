"""The record of a training run: one row an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class History:
    """The rows, one dict an epoch, and two ways to read them.

    A row holds ``epoch`` (from 1), ``step``, ``loss``, each part of the loss, ``accuracy`` on the training images as
    they went by, ``learning_rate``, ``seconds``, and what ``evaluate`` returned (numbers, or tensors). Under several
    processes numbers, and tensors of one number, are means over all of them, and so the same in all; other tensors are
    each one's own.

    ``history["loss"]`` is a column, ``history.frame()`` the table of all numbers.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        last = {name: self.last[name] for name in ("loss", "accuracy") if self.rows and name in self.last}
        return f"History({len(self)} epochs{''.join(f', {name} {value:.4g}' for name, value in last.items())})"

    def __getitem__(self, column: str) -> list[Any]:
        missing = next((row for row in self.rows if column not in row), None)
        if missing is not None:
            raise KeyError(f"no column {column!r}; the history has {', '.join(missing)}")
        return [row[column] for row in self.rows]

    @property
    def last(self) -> dict[str, Any]:
        """The last epoch's row; IndexError where there is none yet."""
        if not self.rows:
            raise IndexError("the history has no epoch yet, so there is no last one")
        return self.rows[-1]

    def frame(self) -> pd.DataFrame:
        """All numbers as a pandas table, one row an epoch; tensors are left out."""
        import pandas as pd

        return pd.DataFrame([{k: v for k, v in row.items() if not isinstance(v, Tensor)} for row in self.rows])


def as_number(value: Any) -> float | None:
    """A number, or a tensor or array of one, as a float; None for anything else."""
    if isinstance(value, (Tensor, np.ndarray)) and math.prod(value.shape) == 1:
        value = value.item()
    return float(value) if isinstance(value, Real) else None
