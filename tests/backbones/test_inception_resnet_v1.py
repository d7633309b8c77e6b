from __future__ import annotations

import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from torch import nn
from torch.nn import functional as F

from course_lib.backbones import create


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts():
    with torch.device("meta"):
        network = create("inception_resnet_v1")
    assert n_parameters(network) == 23_482_624
    assert n_parameters(network) + 513 * 8631 == 27_910_327


@pytest.fixture(scope="module")
def pair() -> tuple[nn.Module, nn.Module]:
    """Ours and facenet-pytorch's, with the same weights and the same running statistics."""
    torch.manual_seed(0)
    theirs = InceptionResnetV1(pretrained=None, classify=False).eval()
    for layer in theirs.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(layer.weight, 0.8, 1.2)
            nn.init.normal_(layer.bias, std=0.1)
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.8, 1.2)
    ours = create("inception_resnet_v1").eval()
    # Both list their layers in the order of the network, branch by branch, but by other names.
    names, weights = list(ours.state_dict()), list(theirs.state_dict().values())
    ours.load_state_dict(dict(zip(names, weights, strict=True)))
    return ours, theirs


@pytest.mark.slow
@pytest.mark.parametrize("size", [160, 200])
def test_same_weights_same_output_as_facenet_pytorch(pair, size: int):
    ours, theirs = pair
    if size != 160:
        weights = ours.state_dict()
        ours = create("inception_resnet_v1", input_size=size).eval()
        ours.load_state_dict(weights)
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(F.normalize(ours(images)), theirs(images), atol=1e-5)
    assert theirs(images).abs().mean() > 1e-3, "the comparison is of something"


@pytest.mark.slow
def test_same_gradients_as_facenet_pytorch(pair):
    images = torch.randn(1, 3, 160, 160, generator=torch.Generator().manual_seed(2))
    gradients = []
    for network in pair:
        network.zero_grad()
        F.normalize(network(images))[:, :256].sum().backward()
        gradients.append([p.grad for p in network.parameters()])
        network.zero_grad()
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * theirs.abs().max().item())


def test_the_maps_are_the_papers():
    with torch.device("meta"):
        network = create("inception_resnet_v1").eval()
    sizes = []
    for stage in (network.stem, network.blocks_35, network.blocks_17, network.last_block):
        stage.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    assert network(torch.empty(1, 3, 160, 160, device="meta")).shape == (1, 512)
    assert sizes == [(256, 17, 17), (256, 17, 17), (896, 8, 8), (1792, 3, 3)]


@pytest.mark.parametrize("size", [(75, 75), (75, 90)])
def test_small_images_and_few_blocks(size: tuple[int, int]):
    network = create(
        "inception_resnet_v1", input_size=size, repeats=(1, 0, 1), embedding_dim=8, in_channels=1, seed=0
    ).eval()
    images = torch.randn(3, 1, *size)
    with torch.no_grad():
        embeddings = network(images)
        assert embeddings.shape == (3, 8)
        assert torch.allclose(network(images[:1]), embeddings[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_size": 74}, "at least 75 pixels"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
        ({"repeats": (1, 2)}, r"repeats is \(1, 2\); expected three numbers"),
        ({"repeats": (1, -2, 1)}, "of at least 0"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("inception_resnet_v1", **options)


def test_images_of_another_size_are_refused(pair):
    with pytest.raises(ValueError, match=r"expects \(N, 3, 160, 160\)"):
        pair[0](torch.zeros(1, 3, 112, 112))
