from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from course_lib import backbones, cost


class Steps(nn.Module):
    """A convolution, and then what a test wants."""

    def __init__(self, after) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.convolution(x))


class Undecided(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def test_the_models_own_refusal_of_the_images_is_passed_on() -> None:
    network = backbones.create("mobilefacenet")
    with pytest.raises(
        ValueError, match=r"MobileFaceNet does not run on images of shape \(1, 3, 96, 96\): images have"
    ) as error:
        cost.count(network, (96, 96))
    assert "this network expects (N, 3, 112, 112)" in str(error.value.__cause__)


def test_an_export_that_fails_names_the_line() -> None:
    with pytest.raises(RuntimeError, match="cannot follow Undecided at test_graph.py, line .*'return x if x.sum"):
        cost.count(Undecided(), (8, 8))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("after", "operation"),
    [
        (torch.nonzero, "aten.nonzero.default cannot be counted: the shape"),
        (lambda x: torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,)), "cond cannot be counted: it holds other"),
        (lambda x: torchvision.ops.roi_align(x, [torch.zeros(1, 4)], 2), "torchvision.* cannot be counted: it is not"),
    ],
)
def test_an_operation_whose_cost_is_no_number_is_named(after, operation: str) -> None:
    with pytest.raises(ValueError, match=operation):
        cost.count(Steps(after), (8, 8))


def without_gradient(x: Tensor) -> Tensor:
    with torch.no_grad():
        return x + torch.randn(1) + torch.arange(6.0)


def test_constants_random_numbers_and_no_grad_are_followed() -> None:
    found = cost.count(Steps(without_gradient), (8, 8))
    assert found.macs.conv_linear == 3 * 27 * 36


def test_frozen_attention_is_not_hidden_in_one_fused_operation() -> None:
    layer = nn.TransformerEncoderLayer(12, 3, 24, batch_first=True).eval().requires_grad_(False)
    network = nn.Sequential(nn.Flatten(2), layer)
    linear, attention = 3 * (4 * 12 * 12 + 2 * 12 * 24), 2 * 3 * 3 * 12
    assert cost.count(network, (3, 4)).macs.conv_linear == linear + attention
