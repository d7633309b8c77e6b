"""Backbones: networks that turn images (N, C, H, W) into embeddings (N, D); ``create`` builds one by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch
from torch import nn

from course_lib.backbones.lenet import LeNetPlusPlus
from course_lib.backbones.mobilefacenet import MobileFaceNet

__all__ = ["LeNetPlusPlus", "MobileFaceNet", "available", "create"]

_BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "lenet_plus_plus": LeNetPlusPlus,
    "mobilefacenet": MobileFaceNet,
}


def available() -> list[str]:
    """The names that ``create`` knows, in alphabetical order."""
    return sorted(_BACKBONES)


def create(name: str, *, seed: int | None = None, **options: object) -> nn.Module:
    """Build a backbone by name: ``create("mobilefacenet", width=0.5)``.

    Args:
        name: one of ``available()``.
        seed: fixes the initial weights without touching PyTorch's global random state; None draws from that state.
        **options: keyword arguments of the network's class.

    Raises:
        ValueError: the name is not known, or an option is out of range.
        TypeError: the network has no such option.
    """
    if name not in _BACKBONES:
        raise ValueError(f"backbone {name!r} is not known; available: {', '.join(available())}")
    network = _BACKBONES[name]
    known = list(inspect.signature(network).parameters)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(f"backbone {name!r} has no option {', '.join(unknown)}; its options are {', '.join(known)}")
    if seed is None:
        return network(**options)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return network(**options)
