"""What PyTorch takes without a look when a run is restored, and stumbles over, or forgets, at a later step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.optim import ASGD, SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, Optimizer, RAdam, RMSprop, Rprop

from course_lib.training.history import as_number
from course_lib.training.names import named_as_in, plain_state

# They keep tensors of the parameter's shape, and these numbers. What others keep is not known here.
ELEMENTWISE = (SGD, ASGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, RAdam, RMSprop, Rprop)
NUMBERS = ("step", "eta", "mu", "mu_product")


def load_optimizer(optimizer: Optimizer, given: Any) -> None:
    """Load a state; ``ValueError`` if a group lacks a setting, or a momentum has not the shape of its parameter."""
    settings = [list(group) for group in optimizer.param_groups]
    optimizer.load_state_dict(given)
    for number, (names, group) in enumerate(zip(settings, optimizer.param_groups, strict=True)):
        for name in names:
            if name not in group:
                raise ValueError(f"group {number} has no {name}")
    if type(getattr(optimizer, "base", optimizer)) not in ELEMENTWISE:
        return
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            if name in NUMBERS:
                fits = as_number(value) is not None
            else:
                fits = value is None or (isinstance(value, Tensor) and value.shape == parameter.shape)
            if not fits:
                expected = "number" if name in NUMBERS else f"tensor of shape {tuple(parameter.shape)}"
                raise ValueError(f"a parameter's {name} is {_shape(value)}; expected a {expected}")


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
    return f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
