from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.fx.experimental.optimization import fuse
from torchvision import models

from course_lib import cost

# Of images (1, 3, 6, 6), layers and their parameters after folding.
HAND_WORKED = {
    "one bias per channel": ([nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)], [4 * 27 + 4, 0]),
    "joins the bias": ([nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)], [4 * 27 + 4, 0]),
    "after a linear layer": ([nn.Flatten(), nn.Linear(108, 5, bias=False), nn.BatchNorm1d(5)], [540 + 5, 0]),
    "through a flatten": ([nn.Conv2d(3, 4, 6, bias=False), nn.Flatten(), nn.BatchNorm1d(4)], [4 * 108 + 4, 0]),
    "without scale and shift": ([nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, affine=False)], [4 * 27 + 4, 0]),
    "before a convolution": ([nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3, bias=False)], [6, 4 * 27]),
    "before, without scale": ([nn.BatchNorm2d(3, affine=False), nn.Conv2d(3, 4, 3, bias=False)], [6, 4 * 27]),
    "after an activation": (
        [nn.Conv2d(3, 4, 3, bias=False), nn.PReLU(4), nn.BatchNorm2d(4)],
        [4 * 27, 4, 8],
    ),
    "without statistics": (
        [nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, track_running_stats=False)],
        [4 * 27, 8],
    ),
}


@pytest.mark.parametrize("name", HAND_WORKED)
def test_hand_worked(name: str) -> None:
    modules, expected = HAND_WORKED[name]
    found = cost.count(nn.Sequential(*modules), (6, 6))
    assert [layer.folded_parameters for layer in found.layers[1:]] == expected
    assert found.folded_parameters == sum(expected)


class Forked(nn.Module):
    """What the convolution makes is also used without batch norm, so it cannot change."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolution(x)
        return x + self.norm(x)


class Reused(nn.Module):
    """One convolution before two batch norms cannot become both."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norms = nn.Conv2d(3, 3, 1), nn.ModuleList([nn.BatchNorm2d(3), nn.BatchNorm2d(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norms[1](self.convolution(self.norms[0](self.convolution(x))))


@pytest.mark.parametrize(("build", "expected"), [(Forked, 4 * 27 + 8), (Reused, 12 + 2 * 6)])
def test_a_convolution_with_another_use_keeps_its_batch_norm(build: type[nn.Module], expected: int) -> None:
    assert cost.count(build(), (6, 6)).folded_parameters == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v2_x0_5", "resnet18"])
def test_as_many_are_left_as_torchs_own_folding_leaves(name: str) -> None:
    network = models.get_model(name, weights=None).eval()
    left = sum(parameter.numel() for parameter in fuse(network).parameters())
    assert cost.count(network, (64, 64)).folded_parameters == left
