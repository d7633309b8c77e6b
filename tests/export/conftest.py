"""A small network with what makes 8 bits hard, and faces to measure its ranges on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_lib import backbones, data
from course_lib.backbones import mobilefacenet
from course_lib.export import Runtime

ROWS = ((2, 64, 1, 2), (4, 128, 1, 2), (2, 128, 2, 2))  # of MobileFaceNet's table, less deep


@pytest.fixture(scope="session")
def photographs() -> Tensor:
    """(120, 3, 48, 48) uint8: the first 64 to calibrate on, the others to test on."""
    return data.orl_faces().resized(48, 48).images[:120].repeat(1, 3, 1, 1)


@pytest.fixture(scope="session")
def small(photographs: Tensor) -> Callable[[str], nn.Module]:
    """The network of a name, as training may leave it: with channels that died, and with weights that are tiny."""

    @cache
    @torch.no_grad()
    def build(name: str) -> nn.Module:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mobilefacenet, "BOTTLENECKS", ROWS)
            network = backbones.create(name, width=0.25, embedding_dim=24, input_size=48, seed=0)
        for _ in range(20):
            network(data.normalise(photographs))
        for block in network.body:
            block.depthwise[1].weight[:2], block.depthwise[1].bias[:2] = 0, 1
        # The last convolution undoes what the pooling before it does: the same embeddings.
        network.head[1][1].weight.mul_(1000), network.head[1][1].bias.mul_(1000)
        network.head[2][0].weight.div_(1000)
        return network.eval()

    return build


@pytest.fixture(scope="session")
def agreement(photographs: Tensor) -> Callable[[nn.Module, Path], float]:
    """Mean cosine between the embeddings of a network and of its file, both less their mean, which all faces share."""

    def measure(network: nn.Module, file: Path) -> float:
        exact, found = Runtime.of(network, "exact").embed(photographs[64:]), Runtime(file).embed(photographs[64:])
        exact, found = exact - exact.mean(0), found - found.mean(0)
        return float(((exact * found).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)).mean())

    return measure
