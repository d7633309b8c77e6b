"""Small networks, built and exported once for all tests: one as it should be, one with what makes 8 bits hard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from shallow import FEWEST, rows_are
from torch import Tensor, nn

from course_lib import backbones, data, export
from course_lib.export import Runtime
from course_lib.training import fingerprint, save_weights

OPTIONS = {"width": 0.25, "embedding_dim": 24, "input_size": 48}
ROWS = ((2, 64, 1, 2), (4, 128, 1, 2), (2, 128, 2, 2))  # of MobileFaceNet's table, less deep


_shared: list[tuple[nn.Module, str]] = []


def shared(network: nn.Module) -> nn.Module:
    """The network for all tests to use and none to change."""
    _shared.append((network.eval().requires_grad_(False), fingerprint(network)))
    return network


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without progress: what else an export says is what the tests look for."""
    monkeypatch.setattr("course_lib.progress.FIRST_LINE", 3600.0)


@pytest.fixture(scope="session", autouse=True)
def unchanged() -> Iterator[None]:
    """What is shared is at the end as it was built."""
    yield
    assert all(fingerprint(network) == before for network, before in _shared), "a test changed what all tests share"


@pytest.fixture(scope="session")
def photographs() -> Tensor:
    """(120, 3, 48, 48) uint8: the first 64 to calibrate on, the others to test on."""
    return data.orl_faces().resized(48, 48).images[:120].repeat(1, 3, 1, 1)


@pytest.fixture(scope="session")
def faces(photographs: Tensor) -> np.ndarray:
    return data.normalise(photographs).numpy()


@pytest.fixture(scope="session")
def usual(photographs: Tensor) -> Callable[..., nn.Module]:
    """The network of a name, with batch norms that do something."""

    @cache
    @torch.no_grad()
    def build(name: str, rows: tuple = FEWEST) -> nn.Module:
        with rows_are(rows):
            network = backbones.create(name, **OPTIONS, seed=0)
        for _ in range(20):
            network(data.normalise(photographs))
        return shared(network)

    return build


@pytest.fixture(scope="session")
def small(usual: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """The same as training may leave it: with channels that died, and with weights that are tiny."""

    @cache
    @torch.no_grad()
    def build(name: str, rows: tuple = ROWS) -> nn.Module:
        network = deepcopy(usual(name, rows))
        for block in network.body:
            block.depthwise[1].weight[:2], block.depthwise[1].bias[:2] = 0, 1
        # The last convolution undoes what the pooling before it does: the same embeddings.
        network.head[1][1].weight.mul_(1000), network.head[1][1].bias.mul_(1000)
        network.head[2][0].weight.div_(1000)
        return shared(network)

    return build


@pytest.fixture(scope="session")
def network(usual: Callable[..., nn.Module]) -> nn.Module:
    """The one that is written once for all."""
    return usual("mobilefacenet_relu")


@pytest.fixture(scope="session")
def in_pytorch(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """Its weights, read back."""
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    save_weights(network, path)
    with rows_are():
        return Runtime(path, architecture="mobilefacenet_relu", options=OPTIONS)


@pytest.fixture(scope="session")
def fp32(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file."""
    return export.to_onnx(network, tmp_path_factory.mktemp("fp32") / "deep" / "network.onnx")


@pytest.fixture(scope="session")
def int8(fp32: Path, faces: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export.quantize(fp32, faces[:64], tmp_path_factory.mktemp("int8") / "network.int8.onnx")


@pytest.fixture(scope="session")
def agreement(photographs: Tensor) -> Callable[[nn.Module, Path], float]:
    """Mean cosine between the embeddings of a network and of its file, both less their mean, which all faces share."""

    def measure(network: nn.Module, file: Path) -> float:
        exact, found = Runtime.of(network, "exact").embed(photographs[64:]), Runtime(file).embed(photographs[64:])
        exact, found = exact - exact.mean(0), found - found.mean(0)
        return float(((exact * found).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)).mean())

    return measure
