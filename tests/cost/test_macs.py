from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from course_lib import cost
from course_lib.backbones.locally_connected import LocallyConnected2d


class Reshaped(nn.Module):
    """A function of images (1, 2, 3, 4), and a weight that it may use."""

    def __init__(self, function, *shape: int) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.randn(*shape)) if shape else None

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x) if self.weight is None else self.function(x, self.weight)


class Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        return torch.bmm(x[0], weight)


HAND_WORKED = {
    "linear on three dimensions": (nn.Linear(4, 5), 2 * 3 * 4 * 5),
    "convolution with stride": (nn.Conv2d(2, 6, 3, stride=2, padding=1), 2 * 2 * 6 * 2 * 9),
    "groups": (nn.Conv2d(2, 6, 3, padding=1, groups=2), 3 * 4 * 6 * 1 * 9),
    "dilation and reflected edges": (
        nn.Conv2d(2, 5, (1, 3), padding=(0, 2), dilation=(1, 2), padding_mode="reflect"),
        3 * 4 * 5 * 2 * 3,
    ),
    "same padding": (nn.Conv2d(2, 5, 3, padding="same"), 3 * 4 * 5 * 2 * 9),
    "transposed": (nn.ConvTranspose2d(2, 5, 3, stride=2), 3 * 4 * 2 * 5 * 9),
    "transposed, in groups": (nn.ConvTranspose2d(2, 6, 3, groups=2), 3 * 4 * 2 * 3 * 9),
    "unfold and einsum": (
        Reshaped(lambda x, w: torch.einsum("nkl,lok->nlo", nn.functional.unfold(x, 2), w), 6, 5, 8),
        6 * 5 * 8,
    ),
    "einsum of one": (Reshaped(lambda x: torch.einsum("nchw->nc", x)), 0),
    "matmul, broadcast": (Reshaped(lambda x, w: x @ w, 4, 5), 2 * 3 * 4 * 5),
    "matrix times vector": (Reshaped(lambda x, w: x[0, 0] @ w, 4), 3 * 4),
    "vectors": (Reshaped(lambda x, w: x.flatten() @ w, 24), 24),
    "tensordot": (Reshaped(lambda x, w: torch.tensordot(x, w, dims=([1, 3], [1, 0])), 4, 2, 7), 3 * 8 * 7),
    "in place": (Reshaped(lambda x, w: torch.zeros(3, 5).addmm_(x[0, 0], w), 4, 5), 3 * 4 * 5),
    "an autograd function": (Reshaped(Product.apply, 2, 4, 5), 2 * 3 * 4 * 5),
    "attention": (Reshaped(lambda x: nn.functional.scaled_dot_product_attention(x, x, x)), 2 * 2 * 3 * 3 * 4),
    "locally connected": (LocallyConnected2d(2, 5, 2, (3, 4)), 2 * 3 * 5 * 2 * 4),
    "elements times elements": (Reshaped(lambda x, w: (x * w).sum(), 4), 0),
}


@pytest.mark.parametrize("name", HAND_WORKED)
def test_hand_worked(name: str) -> None:
    network, expected = HAND_WORKED[name]
    found = cost.count(network, (3, 4), in_channels=2)
    assert found.macs.conv_linear == expected
    assert found.macs.twice == 2 * expected


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # which the export makes, and takes back
def test_recurrent_layers_are_taken_apart() -> None:
    network = nn.Sequential(nn.Flatten(0, 1), nn.LSTM(4, 5, batch_first=True))
    assert cost.count(network, (3, 4), in_channels=2).macs.conv_linear == 2 * 3 * 4 * 5 * (4 + 5)


def counted_by_torch(network: nn.Module, size: tuple[int, int]) -> int:
    """PyTorch's own counter runs the network; on tensors without data, and attention as two products."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        network.eval()(torch.zeros(1, 3, *size, device="meta"))
    return counter.get_total_flops()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mobilenet_v2", (64, 48)),
        ("shufflenet_v2_x0_5", (64, 64)),
        ("inception_v3", (80, 80)),
        ("resnet18", (64, 32)),
        ("mobilenet_v3_small", (64, 64)),
        ("vit_b_16", (32, 32)),
    ],
)
def test_torchvisions_networks_count_as_torchs_counter_counts_them(name: str, size: tuple[int, int]) -> None:
    options = {"inception_v3": {"init_weights": False}, "vit_b_16": {"image_size": 32}}.get(name, {})
    with torch.device("meta"):
        network = models.get_model(name, weights=None, **options)
    found = cost.count(network, size)
    assert found.macs.twice == counted_by_torch(network, size)
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.booleans())
def test_any_convolution(groups: int, width: int, kernel: int, stride: int, padding: int, transposed: bool) -> None:
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    options = {"padding": min(padding, kernel - 1), "groups": groups, "device": "meta"}
    network = nn.Sequential(
        nn.Conv2d(3, groups, 1, device="meta"), kind(groups, groups * width, kernel, stride, **options)
    )
    assert cost.count(network, (7, 6)).macs.twice == counted_by_torch(network, (7, 6))
