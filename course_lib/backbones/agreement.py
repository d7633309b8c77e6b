"""Whether two networks compute the same: a learner's own beside the library's."""

from __future__ import annotations

import torch
from torch import nn


def percent_apart(mine: nn.Module, theirs: nn.Module, *shape: int, seed: int = 0) -> float:
    """Copy the weights of ``theirs`` into ``mine``, in order, and compare what both make of the same random input.

    Args:
        mine: takes the weights of ``theirs``, whose parameters and buffers must follow in the same order.
        theirs: the network to compare with; it keeps its weights.
        shape: of one input, such as ``3, 112, 112``; two are drawn from a normal distribution.
        seed: of that input.

    Returns the largest difference of the outputs in per cent of their largest number, in evaluation mode. Both networks
    keep the mode that they were in. Raises ``ValueError`` where the weights do not fit, and names the first that does
    not, or where the outputs differ in shape.

    >>> backbones.percent_apart(my_mobilefacenet(), backbones.create("mobilefacenet"), 3, 112, 112)  # doctest: +SKIP
    0.0
    """
    _copy(mine, theirs)
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))
    here, there = (_in_evaluation(network, x) for network in (mine, theirs))
    if here.shape != there.shape:
        raise ValueError(f"mine puts out {tuple(here.shape)}, theirs {tuple(there.shape)}; expected the same shape")
    return 100 * float((here - there).abs().max() / there.abs().max())


@torch.no_grad()
def _copy(mine: nn.Module, theirs: nn.Module) -> None:
    ours, others = mine.state_dict(), theirs.state_dict()
    for (name, tensor), (their_name, other) in zip(ours.items(), others.items(), strict=False):
        if tensor.shape != other.shape:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)}, and {their_name}, in the same place of theirs, has "
                f"{tuple(other.shape)}; expected the same layers in the same order"
            )
    if len(ours) != len(others):
        raise ValueError(f"mine has {len(ours)} parameters and buffers, theirs {len(others)}; expected as many")
    for tensor, other in zip(ours.values(), others.values(), strict=True):
        tensor.copy_(other)


@torch.no_grad()
def _in_evaluation(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
    was_training = network.training
    out = network.eval()(x)
    network.train(was_training)
    return out
