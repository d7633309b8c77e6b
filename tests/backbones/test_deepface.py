from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib.backbones import create, describe
from course_lib.backbones.locally_connected import LocallyConnected2d


def on_paper(name: str = "deepface", **options: object) -> nn.Module:
    """The network without memory for its 100 million weights."""
    with torch.device("meta"):
        return create(name, **options)


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_of_every_layer():
    counts = {
        name: n_parameters(layer) for name, layer in on_paper().named_modules() if name.split(".")[-1][1:].isdigit()
    }
    assert counts == {
        "body.C1": 11 * 11 * 3 * 32 + 32,
        "body.M2": 0,
        "body.C3": 9 * 9 * 32 * 16 + 16,
        "body.L4": 62_774_800,
        "body.L5": 7_850_000,
        "body.L6": 2_829_456,
        "F7": 28_905_472,
    }


def test_parameters_with_and_without_the_classifier():
    network = on_paper()
    assert n_parameters(network) == 102_412_864
    assert n_parameters(network) + n_parameters(nn.Linear(4096, 4030, device="meta")) == 118_923_774
    outside = sum(n_parameters(network.body.get_submodule(name)) for name in ("C1", "C3"))
    assert outside < 0.05 * 118_923_774, "over 95 % are in local and fully connected layers"


def test_multiply_adds():
    network = on_paper().eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, 152, 152, device="meta"))
    convolutions = 142 * 142 * 32 * 363 + 63 * 63 * 16 * 2592
    local = 55 * 55 * 16 * 1296 + 25 * 25 * 16 * 784 + 21 * 21 * 16 * 400
    assert counter.get_total_flops() == 2 * (convolutions + local + 7056 * 4096)


def test_the_maps_are_the_papers():
    network, sizes = on_paper().eval(), []
    for name in ("C1", "M2", "C3", "L4", "L5", "L6"):
        network.body.get_submodule(name).register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    network(torch.empty(1, 3, 152, 152, device="meta"))
    assert sizes == [(32, 142, 142), (32, 71, 71), (16, 63, 63), (16, 55, 55), (16, 25, 25), (16, 21, 21)]


@pytest.mark.parametrize("name", ["deepface", "deepface_lrn"])
@pytest.mark.parametrize("size", [(72, 72), (73, 75), (80, 72)])
def test_other_sizes(name: str, size: tuple[int, int]):
    network = create(name, input_size=size, embedding_dim=16, in_channels=1, seed=0).eval()
    images = torch.randn(3, 1, *size)
    embeddings = network(images)
    assert embeddings.shape == (3, 16) and (embeddings >= 0).all() and (embeddings > 0).any()
    assert torch.allclose(network(images[:1]), embeddings[:1], atol=1e-5)


def test_gradients_reach_every_parameter():
    network = create("deepface", input_size=72, embedding_dim=64, dropout=0.0, seed=0)
    network(torch.randn(4, 3, 72, 72)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_response_normalisation_stands_where_the_local_layers_were_and_learns_nothing():
    network = on_paper("deepface_lrn")
    assert not any(isinstance(layer, LocallyConnected2d) for layer in network.modules())
    norms = [layer for layer in network.modules() if isinstance(layer, nn.LocalResponseNorm)]
    assert len(norms) == 3 and sum(map(n_parameters, norms)) == 0
    assert network.F7.in_features == 63 * 63 * 16
    assert n_parameters(network) == 11_648 + 41_488 + (63 * 63 * 16 + 1) * 4096 == 260_169_616


def test_response_normalisation_sees_no_neighbouring_position():
    norm = create("deepface_lrn", input_size=72, embedding_dim=1).body.L4
    x = torch.rand(1, 16, 5, 5)
    before = norm(x)
    x[:, :, 2, 3] += 1
    assert (norm(x) != before).any(1)[0].nonzero().tolist() == [[2, 3]]


def test_dropout_is_on_f7_alone():
    network = on_paper(dropout=0.25)
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.25]
    network = create("deepface", input_size=72, embedding_dim=400, seed=0)
    images = torch.randn(2, 3, 72, 72)
    full = network.eval()(images)
    dropped = network.train()(images)
    kept = dropped > 0
    assert torch.allclose(dropped[kept], 2 * full[kept], rtol=1e-4)
    assert 0.35 < kept[full > 0].float().mean() < 0.65


def test_both_are_described_as_what_they_are():
    assert describe("deepface").paper.year == 2014 and "118,923,774" in describe("deepface").differs
    assert "no weights" in describe("deepface_lrn").differs and "Basch" in describe("deepface_lrn").paper.authors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 71}, "at least 72 pixels"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
        ({"local": "convolution"}, "'convolution' is not known; expected one of locally_connected, response_norm"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("deepface", **options)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"expects \(N, 3, 72, 72\)"):
        create("deepface", input_size=72, embedding_dim=1)(torch.zeros(1, 3, 152, 152))
