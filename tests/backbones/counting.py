"""Counts that the tests of the networks share, independent of course_lib.cost."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network: nn.Module) -> int:
    """Of the convolutions and matrix products, for one image; without memory for the weights."""
    network = network.to("meta").eval()
    images = torch.empty(1, network.in_channels, *network.input_size, device="meta")
    with FlopCounterMode(display=False) as counter:
        network(images)
    return counter.get_total_flops() // 2
