"""The smallest network that has one of each kind of state a checkpoint must hold."""

from __future__ import annotations

import torch
from torch import nn


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
