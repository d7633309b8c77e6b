"""What networks cost, each counted once: without memory for their weights, and kept for the next claim."""

from __future__ import annotations

from functools import cache

import torch

from course_lib import backbones, cost

MIB = 2**20


@cache
def counted(name: str, **options: object) -> cost.Cost:
    """The cost of ``backbones.create(name, **options)`` at its own input size."""
    with torch.device("meta"):
        network = backbones.create(name, **options)
    return cost.count(network, network.input_size, in_channels=network.in_channels)


@cache
def parameters(name: str, **options: object) -> int:
    """How many parameters ``backbones.create(name, **options)`` has; quicker than ``counted``."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in backbones.create(name, **options).parameters())


def by_rule(name: str, **options: object) -> dict[str, float]:
    """Multiply-adds by the three rules under which papers print them."""
    macs = counted(name, **options).macs
    return {
        "convolutions and linear layers": macs.conv_linear,
        "as thop counts": macs.thop,
        "two operations a multiply-add": macs.twice,
    }


def by_file(name: str, **options: object) -> dict[str, float]:
    """Bytes of the weights at 4 bytes a number: deployed, and as trained without and with buffers.

    A paper's "MB" may be a million bytes or 2^20. For the second, sizes are scaled to read in millions what they are in
    MiB.
    """
    total = counted(name, **options)
    sizes = {
        "batch norm folded": total.folded_fp32_bytes,
        "parameters alone": total.fp32_bytes - 4 * total.buffers,
        "with buffers": total.fp32_bytes,
    }
    return {
        f"{kind}, {unit}": size * factor
        for unit, factor in {"MB": 1.0, "MiB": 1e6 / MIB}.items()
        for kind, size in sizes.items()
    }
