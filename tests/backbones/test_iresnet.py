from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_lib.backbones import create
from course_lib.backbones.iresnet import ImprovedResidual, SqueezeExcitation


def on_paper(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return create(name, **options)


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iresnet18", 24_025_600),
        ("iresnet34", 34_139_328),
        ("iresnet50", 43_590_848),
        ("iresnet100", 65_156_160),
        ("se_lresnet100e_ir", 65_529_076),
    ],
)
def test_parameter_counts(name: str, expected: int):
    assert n_parameters(on_paper(name)) == expected


def test_the_count_of_iresnet18_by_hand():
    count, channels = 64 * 3 * 9 + 3 * 64, 64
    for width in (64, 128, 256, 512):
        for inputs in (channels, width):
            count += 2 * inputs + 9 * inputs * width + 2 * width + width + 9 * width * width + 2 * width
        count += channels * width + 2 * width  # the shortcut of the first unit
        channels = width
    count += 2 * 512 + (7 * 7 * 512 + 1) * 512 + 2 * 512
    assert n_parameters(on_paper("iresnet18")) == count


@pytest.mark.slow
def test_it_is_65_times_mobilefacenet_in_parameters_and_about_55_times_in_multiply_adds():
    networks = [on_paper(name).eval() for name in ("se_lresnet100e_ir", "mobilefacenet")]
    flops = []
    for network in networks:
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, 112, 112, device="meta"))
        flops.append(counter.get_total_flops())
    assert n_parameters(networks[0]) / n_parameters(networks[1]) == pytest.approx(65, abs=0.5)
    assert flops[0] / 2 == pytest.approx(12.09e9, rel=1e-3)
    assert flops[0] / flops[1] == pytest.approx(55, abs=0.5)


def test_depth_is_convolutions_along_the_way_and_the_last_layer():
    def depth(name: str) -> int:
        network = on_paper(name)
        return 2 + sum(2 for layer in network.modules() if isinstance(layer, ImprovedResidual))

    assert [depth(f"iresnet{number}") for number in (18, 34, 50, 100)] == [18, 34, 50, 100]


def test_the_resolution_starts_full_and_halves_in_every_stage():
    network, sizes = on_paper("iresnet18").eval(), []
    for stage in (network.stem, *network.stages):
        stage.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    network(torch.empty(1, 3, 112, 112, device="meta"))
    assert sizes == [(64, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


def norm(x: Tensor, layer: nn.BatchNorm2d) -> Tensor:
    scale = layer.weight / (layer.running_var + layer.eps).sqrt()
    return (x - layer.running_mean[:, None, None]) * scale[:, None, None] + layer.bias[:, None, None]


@pytest.mark.parametrize(("out_channels", "stride"), [(4, 1), (6, 2)])
def test_the_unit_step_by_step(out_channels: int, stride: int):
    torch.manual_seed(0)
    unit = ImprovedResidual(4, out_channels, stride=stride, squeeze=2).double().eval()
    for layer in unit.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
    first, conv1, second, slopes, conv2, third, squeeze = unit.residual
    x = torch.randn(2, 4, 5, 7, dtype=torch.float64)
    out = norm(F.conv2d(norm(x, first), conv1.weight, padding=1), second)
    out = torch.where(out > 0, out, out * slopes.weight[:, None, None])
    out = norm(F.conv2d(out, conv2.weight, stride=stride, padding=1), third)
    _, down, inner, up, _ = squeeze.weights
    hidden = out.mean((2, 3)) @ down.weight.T
    hidden = torch.where(hidden > 0, hidden, hidden * inner.weight) @ up.weight.T
    out = out / (1 + torch.exp(-hidden))[:, :, None, None]
    shortcut = x
    if stride == 2:
        conv, bn = unit.shortcut
        shortcut = norm(F.conv2d(x, conv.weight, stride=2), bn)
    assert torch.allclose(unit(x), out + shortcut)


def test_squeeze_and_excitation_starts_between_zero_and_one():
    block = SqueezeExcitation(8, 4)
    ratio = block(torch.ones(2, 8, 3, 3))
    assert ((ratio > 0) & (ratio < 1)).all() and n_parameters(block) == 8 * 2 + 2 + 2 * 8


@pytest.mark.parametrize("squeeze", [None, 4, 8])
@pytest.mark.parametrize("size", [(16, 16), (33, 20)])
def test_other_sizes_and_gradients(size: tuple[int, int], squeeze: int | None):
    network = create(
        "iresnet18",
        blocks=(1, 2, 1, 1),
        widths=(8, 8, 16, 16),
        squeeze=squeeze,
        input_size=size,
        embedding_dim=8,
        in_channels=1,
        seed=0,
    )
    images = torch.randn(3, 1, *size)
    network(images).pow(3).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    with torch.no_grad():
        embeddings = network.eval()(images)
        assert embeddings.shape == (3, 8)
        assert torch.allclose(network(images[:1]), embeddings[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 15}, "at least 16 pixels"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
        ({"blocks": (1, 1, 1)}, "must be of one length"),
        ({"blocks": (1, 1, 0, 1)}, "all at least 1"),
        ({"squeeze": 65}, "squeeze 65 leaves none of the 64 channels"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("iresnet18", **options)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"expects \(N, 3, 112, 112\)"):
        on_paper("iresnet18")(torch.zeros(1, 3, 112, 96))
