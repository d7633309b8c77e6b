"""The arguments of a case: copied, so that nothing the learner does to them is felt elsewhere, and in float64."""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


def all_cases(
    cases: Sequence[tuple[Any, ...]],
    draw: Callable[[np.random.Generator], tuple[Any, ...]] | None,
    n_drawn: int,
    seed: int,
) -> list[tuple[Any, ...]]:
    """The visible cases and behind them `n_drawn` cases drawn from the seed. ValueError for a case that is no tuple."""
    found = list(cases)
    if draw is not None:
        rng = np.random.default_rng(seed)
        found += [draw(rng) for _ in range(n_drawn)]
    for case in found:
        if not isinstance(case, tuple):
            raise ValueError(f"A case is a tuple of arguments, even of one: (x,). Got a {type(case).__name__}.")
    return found


def prepared(value: Any) -> Any:
    """A copy that shares nothing with the value, every floating-point number, array, tensor or network in float64."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(prepared, value))
    if isinstance(value, (tuple, list)):
        return type(value)(map(prepared, value))
    if isinstance(value, dict):
        return type(value)((key, prepared(item)) for key, item in value.items())
    if isinstance(value, (np.ndarray, np.generic)) and np.issubdtype(value.dtype, np.floating):
        return value.astype(np.float64)
    if hasattr(value, "requires_grad_") and hasattr(value, "detach"):  # a tensor, without importing torch
        double = value.detach().clone().double() if value.is_floating_point() else value.detach().clone()
        return double.requires_grad_(value.requires_grad)
    if hasattr(value, "parameters") and hasattr(value, "double"):  # a network
        return copy.deepcopy(value).double()
    return copy.deepcopy(value)


@contextlib.contextmanager
def in_float64() -> Iterator[None]:
    """While it lasts, tensors and layers that PyTorch makes hold float64, as the inputs do."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
