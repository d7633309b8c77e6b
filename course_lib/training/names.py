"""Names of weights without what PyTorch's wrappers put into them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from torch import Tensor, nn

COMPILED = "_orig_mod."  # torch.compile's, of a network or of a part of it
PARALLEL = "module."  # DataParallel's and DistributedDataParallel's, at the beginning
Value = TypeVar("Value")


def plain_name(name: str) -> str:
    """A tensor's name in the network itself: ``module._orig_mod.stem.0.weight`` is ``stem.0.weight``."""
    name = name.replace(COMPILED, "")
    while name.startswith(PARALLEL):
        name = name[len(PARALLEL) :]
    return name


def named_as_in(names: Iterable[str], stored: Mapping[str, Value]) -> dict[str, Value]:
    """What is stored, under the names of a network, where both differ by the wrappers' prefixes alone.

    A network that has a part called ``module`` keeps its names where they would no longer tell two tensors apart.
    """
    names = list(names)
    by_plain_name = {plain_name(name): name for name in names}
    found = {by_plain_name.get(plain_name(name), name): value for name, value in stored.items()}
    return found if len(by_plain_name) == len(names) and len(found) == len(stored) else dict(stored)


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """The weights and buffers of a network, compiled or wrapped for several devices or not, by their plain names."""
    state = network.state_dict()
    names = {plain_name(name) for name in state}
    return {plain_name(name) if len(names) == len(state) else name: tensor for name, tensor in state.items()}
