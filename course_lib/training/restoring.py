"""What PyTorch takes without a look when a run is restored, and stumbles over, or forgets, at a later step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from copy import copy, deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_lib.training.history import as_number
from course_lib.training.names import named_as_in, plain_state


def load_optimizer(optimizer: Optimizer, given: Any) -> None:
    """Load a state; ``ValueError`` if it lacks, or has in another shape or kind, what the next step will ask for."""
    groups = [dict(group) for group in optimizer.param_groups]
    kept = _kept(optimizer)
    optimizer.load_state_dict(given)
    for number, (here, there) in enumerate(zip(groups, optimizer.param_groups, strict=True)):
        for name in here.keys() - {"params", "param_names"}:
            if name not in there:
                raise ValueError(f"group {number} has no {name}")
            if not _alike(there[name], here[name]):
                raise ValueError(f"{name} of group {number} is {_shape(there[name])}; expected {_shape(here[name])}")
    for parameter, state in optimizer.state.items():
        if not state:  # of a parameter that had no gradient yet
            continue
        expected = kept.get(parameter, {})
        if hasattr(optimizer, "base"):  # what SAM keeps beside it is of the parameter's shape
            expected = {**dict.fromkeys(state, parameter), **expected}
        for name, value in expected.items():
            if name not in state or not _alike(state[name], value):
                found = _shape(state[name]) if name in state else "missing"
                raise ValueError(f"a parameter's {name} is {found}; expected {_shape(value)}")


def _kept(optimizer: Optimizer) -> dict[Tensor, Mapping[str, Any]]:
    """What an optimizer keeps of each parameter, told by a step of it with zeros of that shape.

    Nothing is known of one that asks for a closure, such as L-BFGS.
    """
    base = getattr(optimizer, "base", optimizer)  # SAM's
    kept: dict[Tensor, Mapping[str, Any]] = {}
    for group in base.param_groups:
        tried: dict[Any, Mapping[str, Any]] = {}
        for parameter in group["params"]:
            alike = (parameter.shape, parameter.dtype, parameter.device)
            if alike not in tried:
                tried[alike] = _after_one_step(base, group, parameter)
            kept[parameter] = tried[alike]
    return kept


def _after_one_step(optimizer: Optimizer, group: Mapping[str, Any], parameter: Tensor) -> Mapping[str, Any]:
    zeros = nn.Parameter(torch.zeros_like(parameter))
    zeros.grad = torch.zeros_like(zeros)
    trial = copy(optimizer)  # which has neither hooks nor the schedule's count of steps
    trial.param_groups = [{**group, "params": [zeros]}]
    for begun in ({}, optimizer.state.get(parameter, {})):  # Adagrad begins with what it needs
        trial.state = defaultdict(dict, {zeros: deepcopy(begun)})
        try:
            trial.step()
        except Exception:  # of an optimizer that is not known here
            continue
        return trial.state[zeros]
    return {}


def _alike(value: Any, expected: Any) -> bool:
    """Whether both are tensors of one shape, numbers, lists of such, or something else of one type."""
    if isinstance(expected, Tensor):
        return isinstance(value, Tensor) and value.shape == expected.shape
    if isinstance(expected, (list, tuple)) and isinstance(value, (list, tuple)):
        return len(value) == len(expected) and all(map(_alike, value, expected))
    return type(value) is type(expected) or None not in (as_number(value), as_number(expected))


def check_schedule(given: Any, here: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` if a schedule's state, or that of a part, does not say how far it has come."""
    if "last_epoch" in here and not isinstance(given.get("last_epoch"), int):
        raise ValueError("it has no last_epoch")
    parts, own_parts = given.get("_schedulers", []), here.get("_schedulers", [])
    if len(parts) != len(own_parts):
        raise ValueError(f"it has {len(parts)} parts; expected {len(own_parts)}")
    for part, own in zip(parts, own_parts, strict=True):
        check_schedule(part, own)


def check_weights(given: Mapping[str, Any], network: nn.Module) -> None:
    """Raise ``ValueError`` if weights are not those of a network of this shape."""
    here = plain_state(network)
    there = named_as_in(here, given)
    for name in [*here, *there]:
        if name not in there or name not in here or _shape(there[name]) != _shape(here[name]):
            found, expected = (_shape(held[name]) if name in held else "missing" for held in (there, here))
            raise ValueError(f"its {name} is {found}; expected {expected}")


def _shape(value: Any) -> str:
    if as_number(value) is not None and getattr(value, "ndim", 0) == 0:
        return "a number"
    return f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
