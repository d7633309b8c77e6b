from __future__ import annotations

import pytest
import torch
from tiny_network import TinyNet
from torch import Generator, nn

from course_lib.data import ImageSet


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture
def stripes() -> ImageSet:
    """90 images of 8x8 in three classes that a tiny network can tell apart: a bright third, and noise."""
    generator = Generator().manual_seed(0)
    labels = torch.arange(3).repeat(30)
    images = torch.randint(100, (90, 1, 8, 9), generator=generator, dtype=torch.uint8)
    for index, label in enumerate(labels):
        images[index, :, :, 3 * label : 3 * label + 3] += 60
    return ImageSet(images, labels, ("left", "middle", "right"), "drawn stripes")


@pytest.fixture
def tiny_net() -> nn.Module:
    torch.manual_seed(0)
    return TinyNet()
