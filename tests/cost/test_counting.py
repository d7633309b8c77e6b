from __future__ import annotations

import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision import models

from course_lib import backbones, cost
from course_lib.alignment.mtcnn_networks import ONet, PNet, RNet


def on_meta(build, *args, **options) -> nn.Module:
    with torch.device("meta"):
        return build(*args, **options)


# MobileFaceNet: options, input size; parameters, folded, MACs, MACs as thop counts, megabytes of fp32 with buffers.
# The folded counts are the paper's 0.99M and 0.84M; 236.75M and 456.89M are what Hassanpour and Kowsari print. thop
# itself and PyTorch's counter gave the same numbers for the same layers.
WIDE_OUTSIDE = {"width": 2.0, "expansion": 0.5, "stem_groups": 64, "embedding_dim": 512}
MOBILEFACENETS = {
    "primary": ({}, (112, 112), 1_003_136, 993_344, 220_965_376, 236_547_584, 4.09),
    "512 dimensions": ({"embedding_dim": 512}, (112, 112), 1_200_512, 1_190_336, 221_161_984, 236_745_728, 4.88),
    "112x96": ({}, (112, 96), 999_552, 989_760, 189_408_256, 202_764_800, 4.08),
    "96x96": ({}, (96, 96), 996_480, 986_688, 162_359_296, 173_808_128, 4.06),
    "relu": ({"activation": "relu"}, (112, 112), 995_584, 985_792, 220_965_376, 233_787_904, 4.06),
    "m": ({"head": "m"}, (112, 112), 937_344, 927_680, 220_899_840, 236_481_536, 3.83),
    "s": ({"head": "s"}, (112, 112), 850_688, 841_920, 217_669_760, 233_124_480, 3.47),
    "expansion 2": ({"expansion": 2}, (112, 112), 1_841_408, 1_824_704, 431_403_520, 458_651_648, 7.5),
    "width 2": ({"width": 2, "embedding_dim": 512}, (112, 112), 3_683_072, 3_664_256, 846_656_000, 877_693_952, 14.88),
    "width 2, 112x96": ({"width": 2}, (112, 96), 3_482_112, 3_463_680, 725_545_984, 752_148_992, 14.08),
    "wide outside": (WIDE_OUTSIDE, (112, 112), 2_059_520, 2_047_616, 437_520_896, 456_892_928, 8.33),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MOBILEFACENETS)
def test_mobilefacenet_costs_what_is_published(name: str) -> None:
    options, size, *expected, megabytes = MOBILEFACENETS[name]
    network = on_meta(backbones.create, "mobilefacenet", input_size=size, **options)
    found = cost.count(network, size)
    assert [found.parameters, found.folded_parameters, found.macs.conv_linear, found.macs.thop] == expected
    stored = sum(4 * value.numel() for value in network.state_dict().values() if value.is_floating_point())
    assert found.fp32_bytes == stored
    assert round(stored / 1e6, 2) == megabytes


@pytest.mark.parametrize(("build", "side", "parameters"), [(PNet, 12, 6_632), (RNet, 24, 100_178), (ONet, 48, 389_040)])
def test_mtcnn_networks(build: type[nn.Module], side: int, parameters: int) -> None:
    assert cost.count(build(), (side, side)).parameters == parameters


def test_lenet_plus_plus() -> None:
    found = cost.count(backbones.create("lenet_plus_plus"), (28, 28), in_channels=1)
    convolutions = [(1, 32, 28), (32, 32, 28), (32, 64, 14), (64, 64, 14), (64, 128, 7), (128, 128, 7)]
    macs = sum(25 * before * after * side**2 for before, after, side in convolutions) + 128 * 3 * 3 * 2
    assert (found.parameters, found.macs.conv_linear) == (797_602, macs)


@pytest.mark.slow
def test_inception_v3_keeps_an_auxiliary_head_that_evaluation_does_not_use() -> None:
    found = cost.count(on_meta(models.inception_v3, weights=None, init_weights=False), (299, 299))
    assert (found.parameters, found.unused_parameters) == (27_161_264, 3_326_696)
    assert round(found.macs.conv_linear / 1e9, 2) == 5.71


@pytest.mark.slow
def test_a_small_vision_transformer_with_attention() -> None:
    tokens, width, depth = 14 * 14 + 1, 192, 12
    network = on_meta(models.VisionTransformer, 224, 16, depth, 3, width, 4 * width)
    found = cost.count(network, (224, 224))
    linear = depth * tokens * 12 * width * width + 14 * 14 * width * 3 * 16 * 16 + width * 1000
    attention = depth * 2 * tokens * tokens * width
    assert found.parameters == 5_717_416
    assert found.macs.conv_linear == linear + attention
    assert found.macs.thop < linear  # thop does not see into nn.MultiheadAttention


@pytest.mark.slow
def test_the_whole_count_of_mobilefacenet_is_quick() -> None:
    network = backbones.create("mobilefacenet")
    cost.count(nn.Conv2d(3, 3, 1), (1, 1))  # the first export imports much
    start = time.process_time()
    cost.count(network, (112, 112))
    assert time.process_time() - start < 3  # it takes 0.5 s


@pytest.mark.slow
def test_what_is_counted_does_not_depend_on_mode_type_or_device() -> None:
    network = nn.Sequential(*backbones.create("mobilefacenet", width=0.25).body[:2]).eval()
    expected = cost.count(network, (8, 8), in_channels=16)
    changes = [nn.Module.train, nn.Module.double, nn.Module.bfloat16, lambda m: m.requires_grad_(False)]
    for change in [*changes, lambda m: m.to("meta")]:
        assert cost.count(change(network), (8, 8), in_channels=16) == expected


def test_the_model_and_the_random_state_stay_as_they_were() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Dropout(), nn.PReLU()))
    network[2].eval()
    flags = [module.training for module in network.modules()]
    state = {name: (value, value.clone(), value._version) for name, value in network.state_dict(keep_vars=True).items()}
    random_state = torch.get_rng_state()
    cost.count(network, (8, 8))
    assert [module.training for module in network.modules()] == flags
    assert torch.equal(torch.get_rng_state(), random_state)
    for name, value in network.state_dict(keep_vars=True).items():
        old, copy, version = state[name]
        assert value is old and value._version == version and torch.equal(value, copy)
        assert value.grad is None


def test_flags_come_back_after_an_error() -> None:
    network = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Dropout().eval())
    with pytest.raises(ValueError, match="does not run"):
        cost.count(network, (8, 8))
    assert [module.training for module in network.modules()] == [True, True, False]


@pytest.mark.slow
@settings(max_examples=5, deadline=None, derandomize=True)
@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from(["prelu", "relu"]))
def test_without_dense_layers_macs_grow_with_the_area_and_parameters_stay(rows: int, columns: int, activation: str):
    network = on_meta(backbones.create, "mobilefacenet", width=0.125, activation=activation)
    convolutions = nn.Sequential(network.stem, network.body[:2])  # the side is halved twice
    small, large = (cost.count(convolutions, size) for size in ((4, 4), (4 * rows, 4 * columns)))
    assert large.parameters == small.parameters
    assert large.folded_parameters == small.folded_parameters
    assert large.macs.conv_linear == rows * columns * small.macs.conv_linear
    assert large.macs.thop == rows * columns * small.macs.thop
    assert large.peak_elements == rows * columns * small.peak_elements


class Shared(nn.Module):
    """One convolution used twice, one reached through a view, and one never used."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.unused = nn.Linear(10, 10)
        self.matrix = nn.Parameter(torch.randn(5, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.twice(self.twice(x))
        return x.mean((2, 3)) @ self.matrix.t()


def test_parameters_are_counted_once_where_they_are_first_used() -> None:
    found = cost.count(Shared(), (4, 4))
    assert [(layer.name, layer.kind, layer.parameters) for layer in found.layers] == [
        ("", "input", 0),
        ("twice", "conv2d", 81),
        ("twice", "conv2d", 0),
        ("", "mean", 0),
        ("", "matmul", 15),
    ]
    assert (found.parameters, found.unused_parameters, found.folded_parameters) == (81 + 15 + 110, 110, 96)
    assert found.macs.conv_linear == 2 * 81 * 16 + 15


@pytest.mark.parametrize("size", [(0, 8), (8,), 8, (8.0, 8), (8, 8, 8)])
def test_sizes_that_are_none_are_refused(size) -> None:
    with pytest.raises(ValueError, match="expected \\(H, W\\) and C"):
        cost.count(nn.Conv2d(3, 3, 3), size)


def test_no_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="in_channels 0"):
        cost.count(nn.Conv2d(3, 3, 3), (8, 8), in_channels=0)


def test_only_modules_are_counted() -> None:
    with pytest.raises(TypeError, match="model is type; expected a torch.nn.Module"):
        cost.count(nn.Conv2d, (8, 8))
