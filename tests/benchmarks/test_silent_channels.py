from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks.silent_channels import silenced, silent_channels, weight_ranges


@pytest.fixture
def network() -> nn.Sequential:
    """Three channels; the second's bias leaves nothing of images within -1..1, and a giant weight stands behind it."""
    first, depthwise = nn.Conv2d(1, 3, 1), nn.Conv2d(3, 3, 1, groups=3, bias=False)
    with torch.no_grad():
        first.weight.fill_(1)
        first.bias.copy_(torch.tensor([0.0, -2, 0]))
        depthwise.weight.copy_(torch.tensor([1.0, 1000, 2]).reshape(3, 1, 1, 1))
    return nn.Sequential(first, nn.ReLU(), depthwise).eval()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(70, 1, 2, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_channel_is_silent_where_no_image_brings_it_anything(network, images):
    assert silent_channels(network, images)["2"].tolist() == [False, True, False]
    images[-1] = 3  # one image, in the last batch, is enough
    assert not silent_channels(network, images)["2"].any()


def test_silencing_changes_nothing_but_the_weights(network, images):
    mended = silenced(network, silent_channels(network, images))
    assert mended[2].weight.flatten().tolist() == [1, 0, 2] and network[2].weight.max() == 1000
    assert torch.equal(mended(images), network(images))


def test_the_silent_channel_loses_all_others(network, images):
    pointwise, depthwise = weight_ranges(network, silent_channels(network, images))
    assert (pointwise["layer"], pointwise["depthwise"], pointwise["silent"], pointwise["lost"]) == ("0", False, 0, 0)
    assert (depthwise["channels"], depthwise["silent"], depthwise["lost"]) == (3, 1, 0.6667)
    assert (depthwise["largest"], depthwise["median"], depthwise["largest_heard"]) == (1000, 2, 2)


def test_batch_norm_is_part_of_the_weights():
    """Two channels whose batch norm makes one 200 times and one 300 times as small as the third."""
    network = nn.Sequential(nn.Conv2d(1, 3, 1, bias=False), nn.BatchNorm2d(3, eps=0)).eval()
    with torch.no_grad():
        network[0].weight.fill_(2)
        network[1].weight.copy_(torch.tensor([1 / 200, -1.0, 1 / 300]))
    (row,) = weight_ranges(network, {})
    assert (row["largest"], row["median"], row["lost"]) == (2, 0.01, 0.3333)  # half a step is 2 / 254
