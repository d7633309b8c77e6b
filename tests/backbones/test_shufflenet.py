from __future__ import annotations

import pytest
import torch
from counting import multiply_adds, n_parameters

from course_lib.backbones import create
from course_lib.backbones.shufflenet import ChannelShuffle, ShuffleUnit


def test_counts():
    network = create("shufflenet")
    assert n_parameters(network) == 904_728
    assert multiply_adds(network) == 136_500_672


def test_the_count_follows_from_the_table():
    def unit(inputs: int, outputs: int, kernel: int, groups: int = 1) -> int:
        return inputs // groups * outputs * kernel**2 + 2 * outputs

    count, channels = unit(3, 24, 3), 24
    for outputs, n in ((240, 4), (480, 8), (960, 4)):
        for repeat in range(n):
            hidden, computed = outputs // 4, outputs - channels if repeat == 0 else outputs
            count += unit(channels, hidden, 1, 1 if channels == 24 else 3)
            count += unit(hidden, hidden, 3, hidden) + unit(hidden, computed, 1, 3)
            channels = outputs
    assert n_parameters(create("shufflenet")) == count


def test_shuffled_channels_take_turns_by_group():
    channels = torch.arange(6.0).view(1, 6, 1, 1)
    assert ChannelShuffle(3)(channels).flatten().tolist() == [0, 2, 4, 1, 3, 5]
    torch.testing.assert_close(ChannelShuffle(3)(channels), torch.nn.functional.channel_shuffle(channels, 3))


def test_the_shuffle_lets_every_output_see_every_group():
    torch.manual_seed(0)
    unit = ShuffleUnit(12, 72, stride=2, groups=3, first_groups=3).eval()
    images = torch.randn(1, 12, 5, 5, requires_grad=True)
    unit.residual(images)[0, 0].sum().backward()  # its own group holds six of the eighteen hidden channels
    assert (images.grad.view(3, 4, 5, 5).abs().sum((1, 2, 3)) > 0).all()


def test_a_strided_unit_puts_the_averaged_input_first():
    unit = ShuffleUnit(12, 24, stride=2, groups=3, first_groups=3).eval()
    images = torch.rand(2, 12, 6, 6)
    averaged = torch.nn.functional.avg_pool2d(images, 3, 2, padding=1)
    torch.testing.assert_close(unit(images)[:, :12], averaged)
    assert unit(images).shape == (2, 24, 3, 3)


def test_the_last_map_of_a_face_is_seven_by_seven():
    network = create("shufflenet", width=0.25).eval()
    assert network.body(network.stem(torch.randn(1, 3, 112, 112))).shape == (1, 240, 7, 7)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
def test_every_column_of_the_table_can_be_built(groups: int):
    network = create("shufflenet", groups=groups, width=0.5, input_size=(20, 33), embedding_dim=8).eval()
    assert network(torch.randn(2, 3, 20, 33)).shape == (2, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 5}, "groups 5 is not known; expected one of 1, 2, 3, 4, 8"),
        ({"width": 0.1}, "width is 0.1: it leaves 24 channels"),
        ({"width": -1}, "width is -1"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
        ({"input_size": (112, 15)}, "at least 16 pixels"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("shufflenet", **options)
