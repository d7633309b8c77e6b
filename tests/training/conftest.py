from __future__ import annotations

import pytest
import torch
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


class TinyNet(nn.Module):
    """A convolution with batch norm, dropout and a linear layer: one of each kind of state that a checkpoint must
    hold."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.2)
        self.out = nn.Linear(4 * 6 * 7, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out(self.dropout(self.norm(self.conv(images)).relu().flatten(1)))


@pytest.fixture
def tiny_net() -> nn.Module:
    torch.manual_seed(0)
    return TinyNet()
