from __future__ import annotations

import pytest
import torch

from course_lib.backbones.blocks import ConvUnit, GlobalDepthwiseConv, InvertedBottleneck, activation_layer


def test_the_shortcut_exists_only_where_the_shape_is_kept():
    assert InvertedBottleneck(8, 8, expansion=2, stride=1).has_shortcut
    assert not InvertedBottleneck(8, 8, expansion=2, stride=2).has_shortcut
    assert not InvertedBottleneck(8, 16, expansion=2, stride=1).has_shortcut


def test_the_shortcut_adds_the_input():
    block = InvertedBottleneck(4, 4, expansion=2, stride=1).eval()
    torch.nn.init.zeros_(block.project[0].weight)  # what is left of the block is the shortcut
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(block(x), x)


def test_expansion_multiplies_the_input_channels():
    block = InvertedBottleneck(6, 10, expansion=4, stride=2)
    assert block.depthwise[0].weight.shape == (24, 1, 3, 3)
    assert block(torch.randn(2, 6, 7, 9)).shape == (2, 10, 4, 5)


def test_global_depthwise_convolution_with_equal_weights_is_average_pooling():
    unit = GlobalDepthwiseConv(3, (4, 2)).eval()
    torch.nn.init.constant_(unit[0].weight, 1 / 8)
    x = torch.randn(5, 3, 4, 2)
    # An untrained batch norm divides by sqrt(1 + eps).
    assert torch.allclose(unit(x)[:, :, 0, 0], x.mean((2, 3)) / (1 + 1e-5) ** 0.5, atol=1e-6)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="'gelu' is not known; expected one of linear, prelu, relu"):
        activation_layer("gelu", 3)
    with pytest.raises(ValueError, match="padding must be given"):
        ConvUnit(3, 3, (2, 3))
