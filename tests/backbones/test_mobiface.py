from __future__ import annotations

import pytest
import torch
from counting import multiply_adds, n_parameters

from course_lib.backbones import create


# Counted by hand from the paper's table; 0.77 million is what Basch et al. print for their reduction.
@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        ("mobiface_gap", 2_279_552, 231_687_680),
        ("mobiface_gdconv", 2_305_664, 231_712_768),
        ("mobiface", 15_125_120, 244_532_736),
        ("mobiface_one_each", 770_176, 125_991_936),
    ],
)
def test_counts(name: str, parameters: int, macs: int):
    network = create(name)
    assert n_parameters(network) == parameters
    assert multiply_adds(network) == macs


def test_the_counts_follow_from_the_table():
    def unit(inputs: int, outputs: int, kernel: int, groups: int = 1, slopes: bool = True) -> int:
        return inputs // groups * outputs * kernel**2 + 2 * outputs + (outputs if slopes else 0)

    # Input, inner and output channels, and how many of them.
    rows = ((64, 128, 64, 3), (64, 256, 128, 1), (128, 256, 128, 3), (128, 512, 256, 1), (256, 512, 256, 6))
    body, one_each = 0, 0
    for inputs, inner, outputs, n in rows:
        block = unit(inputs, inner, 1) + unit(inner, inner, 3, inner) + unit(inner, outputs, 1, slopes=False)
        body += n * block
        one_each += (2 if n == 3 and inputs == 64 else 1) * block
    around = unit(3, 64, 3) + unit(64, 64, 3, 64) + unit(256, 512, 1)
    assert n_parameters(create("mobiface_gap")) == around + body
    assert n_parameters(create("mobiface_one_each")) == around + one_each
    assert n_parameters(create("mobiface")) - n_parameters(create("mobiface_gap")) == 7 * 7 * 512 * 512 + 512


def test_the_network_has_the_papers_resolutions():
    network = create("mobiface_gap").eval()
    sizes = []
    for block in (network.stem, network.body[2], network.body[6], network.body[13], network.last):
        block.register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[1:])))
    network(torch.randn(1, 3, 112, 112))
    assert sizes == [(64, 56, 56), (64, 28, 28), (128, 14, 14), (256, 7, 7), (512, 7, 7)]


def test_the_reduction_has_no_shortcuts_and_the_paper_has():
    assert not any(block.has_shortcut for block in create("mobiface_one_each").body)
    assert [block.has_shortcut for block in create("mobiface_gap").body].count(True) == 2 + 3 + 6


@pytest.mark.parametrize("head", ["gap", "gdconv", "fc"])
def test_every_head_gives_the_dimension_asked_for(head: str):
    network = create("mobiface", head=head, embedding_dim=24, width=0.1, input_size=(50, 33), in_channels=1).eval()
    assert network(torch.randn(2, 1, 50, 33)).shape == (2, 24)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "gab"}, "head 'gab' is not known; expected one of fc, gap, gdconv"),
        ({"width": -1}, "width is -1"),
        ({"embedding_dim": 0}, "embedding_dim 0"),
        ({"input_size": (112, 15)}, "at least 16 pixels"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        create("mobiface", **options)
