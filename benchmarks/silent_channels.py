"""Channels that are never anything but zero, and the weights behind them: harmless in 32 bits, and not in 8."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from course_lib import export


@torch.inference_mode()
def silent_channels(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Of each depthwise convolution, by its name: (C,) bool, the channels to which no image brings more than zeros.

    Args:
        network: in evaluation mode.
        images: normalised, float (N, C, H, W).
    """
    heard: dict[str, Tensor] = {}

    def listen(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            top = inputs[0].abs().amax((0, 2, 3))
            heard[name] = torch.maximum(heard.get(name, top), top)

        return hook

    depthwise = {name: module for name, module in convolutions(network).items() if module.groups > 1}
    hooks = [module.register_forward_pre_hook(listen(name)) for name, module in depthwise.items()]
    for batch in images.split(64):
        network(batch)
    for hook in hooks:
        hook.remove()
    return {name: top == 0 for name, top in heard.items()}


@torch.no_grad()
def silenced(network: nn.Module, silent: Mapping[str, Tensor]) -> nn.Module:
    """A copy in which the weights of silent channels are zero: for such images it computes the same."""
    network = deepcopy(network)
    for name, channels in silent.items():
        network.get_submodule(name).weight[channels] = 0
    return network


def weight_ranges(network: nn.Module, silent: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """Of each convolution, once its batch norm has joined it: what one scale for all its channels would do.

    ``largest`` and ``median`` are of the channels' largest absolute weights, ``largest_heard`` without the silent ones.
    ``lost`` is the share of channels all of whose weights one scale would round to zero: they are below half a step,
    which is a 127th of ``largest``.
    """
    rows = []
    for name, module in convolutions(export.folded(network)).items():
        ranges = module.weight.detach().abs().flatten(1).amax(1)
        unheard = silent.get(name, torch.zeros(len(ranges), dtype=torch.bool))
        found = {"largest": ranges.max(), "median": ranges.median(), "largest_heard": ranges[~unheard].max()}
        rows.append(
            {
                "layer": name,
                "depthwise": module.groups > 1,
                "channels": len(ranges),
                "silent": int(unheard.sum()),
                **{key: float(f"{float(value):.4g}") for key, value in found.items()},
                "lost": round(float((ranges < ranges.max() / 254).float().mean()), 4),
            }
        )
    return rows


def convolutions(network: nn.Module) -> dict[str, nn.Conv2d]:
    """All of them, by their names."""
    return {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
