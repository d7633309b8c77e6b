from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from course_lib import cost

# What thop 0.1.1.post2209072238 prints for one image of this side.
PRINTED = {
    ("mobilenet_v2", 224): 327_486_720,
    ("shufflenet_v2_x0_5", 64): 4_578_944,
    ("resnet18", 224): 1_824_033_792,
    ("mobilenet_v3_small", 64): 7_006_264,
    ("inception_v3", 299): 5_749_219_168,
    ("vit_b_16", 32): 286_626_816,
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side"), PRINTED)
def test_the_number_is_what_thop_prints(name: str, side: int) -> None:
    options = {"inception_v3": {"init_weights": False}, "vit_b_16": {"image_size": 32}}.get(name, {})
    with torch.device("meta"):
        network = models.get_model(name, weights=None, **options)
    assert cost.count(network, (side, side)).macs.thop == PRINTED[name, side]


# Of an image (1, 3, 6, 4), that is 72 elements.
RULES = {
    "convolution": (nn.Conv2d(3, 6, 3, padding=1, groups=3), 6 * 24 * 9),
    "with edges of its own": (nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular"), 6 * 24 * 3 * 9),
    "linear": (nn.Linear(4, 5), 18 * 4 * 5),
    "batch norm": (nn.BatchNorm2d(3), 4 * 72),
    "batch norm without scale": (nn.BatchNorm2d(3, affine=False), 2 * 72),
    "layer norm": (nn.LayerNorm(4), 4 * 72),
    "instance norm": (nn.InstanceNorm2d(3), 2 * 72),
    "prelu": (nn.PReLU(3), 72),
    "other activations": (nn.Sequential(nn.ReLU(), nn.LeakyReLU(), nn.Hardswish(), nn.Sigmoid()), 0),
    "average pooling": (nn.AvgPool2d(2), 18),
    "global average pooling": (nn.AdaptiveAvgPool2d(1), 3 * (24 + 1)),
    "to 3x2": (nn.AdaptiveAvgPool2d((3, 2)), 18 * (4 + 1)),
    "max pooling": (nn.MaxPool2d(2), 0),
    "softmax": (nn.Softmax(dim=-1), 18 * (3 * 4 - 1)),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str) -> None:
    network, expected = RULES[name]
    assert cost.count(network, (6, 4)).macs.thop == expected


def test_functions_and_additions_are_not_seen() -> None:
    class Functional(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.avg_pool2d(x, 2).softmax(1) + x[..., ::2, ::2]

    assert cost.count(Functional(), (6, 4)).macs.thop == 0


def test_a_subclass_counts_as_what_it_extends_and_each_call_counts() -> None:
    class Slopes(nn.PReLU):
        pass

    activation = Slopes(3)
    assert cost.count(nn.Sequential(activation, nn.Identity(), activation), (6, 4)).macs.thop == 2 * 72
