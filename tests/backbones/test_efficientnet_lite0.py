from __future__ import annotations

import pytest
import torch
from counting import multiply_adds, n_parameters
from torch import nn

from course_lib.backbones import create
from course_lib.backbones.blocks import TensorFlowConvUnit


def test_counts():
    """By hand from Table 1; TensorFlow's 4.7M parameters include the classifier, 1000 x 1280 + 1000."""
    network = create("efficientnet_lite0")
    assert n_parameters(network) == 4_652_008 - 1_281_000
    assert multiply_adds(network) == 383_907_552


def test_the_width_leaves_the_first_and_the_last_convolution_alone():
    network = create("efficientnet_lite0", width=0.25, input_size=32)
    assert network.stem[0].out_channels == 32 and network.last[0].weight.shape[:2] == (1280, 80)
    assert [block.project[0].out_channels for block in network.body][::4] == [8, 16, 32, 48]


def test_it_is_the_table():
    network = create("efficientnet_lite0")
    kernels = [block.depthwise[0].kernel_size[0] for block in network.body]
    assert kernels == [3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3]
    assert [block.has_shortcut for block in network.body].count(True) == 9
    assert all(isinstance(unit, TensorFlowConvUnit) for unit in (network.stem, network.last, network.body[0].depthwise))
    assert {m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {1e-3}
    maps = network.body(network.stem(torch.zeros(1, 3, 224, 224)))
    assert maps.shape == (1, 320, 7, 7)


def as_lite(network: nn.Module) -> nn.Module:
    """torchvision's EfficientNet-B0 without squeeze-and-excite, with ReLU6 and TensorFlow's epsilon."""
    from torchvision.ops import SqueezeExcitation

    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, (nn.SiLU, SqueezeExcitation)):
                setattr(parent, name, nn.ReLU6() if isinstance(child, nn.SiLU) else nn.Identity())
            elif isinstance(child, nn.BatchNorm2d):
                child.eps = 1e-3
                nn.init.uniform_(child.running_mean, -0.1, 0.1)
                nn.init.uniform_(child.running_var, 0.5, 2.0)
    network.classifier = nn.Identity()
    return network.eval()


def test_same_weights_same_output_as_torchvisions_b0_turned_into_lite0():
    from torchvision.models import efficientnet_b0

    torch.manual_seed(0)
    theirs = as_lite(efficientnet_b0())
    # At this size every stride meets an odd side, where TensorFlow's padding is the symmetric one of torchvision.
    ours = create("efficientnet_lite0", input_size=33).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    images = torch.randn(2, 3, 33, 33)
    with torch.no_grad():
        found, expected = ours(images), theirs(images)
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width is 0"),
        ({"in_channels": 0}, "in_channels 0"),
        ({"input_size": 31}, "at least 32 pixels"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("efficientnet_lite0", **options)
