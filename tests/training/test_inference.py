from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from course_lib import backbones
from course_lib.training import inference


def randomised(network: nn.Module) -> nn.Module:
    """With batch norms that do something, in evaluation mode."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.copy_(0.1 * torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
    return network.eval()


def images_of(network: nn.Module, count: int = 5) -> Tensor:
    size = (count, network.in_channels, *network.input_size)
    return torch.randn(size, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(backbones.available()))
def test_every_backbone_gives_the_same_embeddings_faster_and_is_left_alone(name: str) -> None:
    network = randomised(backbones.create(name, seed=0, **backbones._NETWORKS[name].small))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    images = images_of(network)
    faster = inference.for_inference(network, images[:2])
    with torch.inference_mode():
        expected, found = network(images), faster(images)
    assert faster is not network
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_batch_norms_and_relus_are_gone() -> None:
    network = randomised(backbones.create("mobilefacenet_relu", width=0.25, input_size=32, seed=0))
    kinds = [type(module) for module in inference.for_inference(network, images_of(network)).modules()]
    assert nn.BatchNorm2d in map(type, network.modules()) and nn.ReLU in map(type, network.modules())
    assert nn.BatchNorm2d not in kinds and nn.ReLU not in kinds


def test_only_the_activation_right_behind_a_convolution_is_joined_to_it() -> None:
    layers = [nn.ReLU(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Identity(), nn.ReLU(), nn.Conv2d(4, 4, 1)]
    network = randomised(nn.Sequential(*layers, nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()))
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    faster = inference.for_inference(network, images)
    kinds = [type(layer) for layer in faster]
    assert kinds[0] is nn.ReLU and kinds[2:5] == [nn.Identity] * 3 and kinds[5] is nn.Conv2d and kinds[7] is nn.ReLU
    with torch.inference_mode():
        assert torch.allclose(faster(images), network(images), atol=1e-5)


class ReadsBetween(nn.Sequential):
    """A block whose batch norm and ReLU cannot be taken away: it uses what comes out of each part."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        raw = self[0](x)
        return (raw - self[2](self[1](raw))).mean((2, 3))


class Holds(nn.Module):
    """A network with something that cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.lock = ReadsBetween(), (number for number in ())

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def hooked() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    network[1].register_forward_hook(lambda *_: None)
    return network


@pytest.mark.parametrize("network", [ReadsBetween, Holds, hooked])
def test_where_a_copy_would_differ_the_network_itself_stays(network) -> None:
    mine = randomised(network())
    assert inference.for_inference(mine, torch.randn(2, 3, 8, 8)) is mine


def test_a_network_that_has_diverged_stays() -> None:
    network = randomised(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten()))
    network[0].weight.data[0] = torch.nan
    assert inference.for_inference(network, torch.randn(2, 3, 8, 8)) is network


def test_in_training_mode_nothing_is_folded() -> None:
    with pytest.raises(ValueError, match=r"training mode; call model\.eval"):
        inference.folded(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))


@pytest.mark.parametrize(("side", "expected"), [(8, 256), (112, 32), (256, 8), (1024, 8)])
def test_the_batch_grows_as_the_largest_activation_allows(side: int, expected: int) -> None:
    # 16 channels of floats: 112 x 112 x 16 x 4 = 0.8 MB an image, of which 32 make 25.7 MB and 64 would make 51.
    network = nn.Sequential(nn.Conv2d(1, 16, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    assert inference.batch_size_for(network, torch.zeros(2, 1, side, side)) == expected
    assert not any(module._forward_hooks for module in network.modules())
