from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Generator
from torchvision.transforms.v2.functional import InterpolationMode, affine

from course_lib.data import Compose, RandomBlend, RandomLight, RandomWarp

ALL = Compose((RandomBlend(), RandomWarp(), RandomLight()))


@pytest.fixture
def images() -> torch.Tensor:
    """Smooth pictures, so that interpolation costs little, without an edge at the border."""
    rows, columns = torch.meshgrid(torch.arange(24), torch.arange(32), indexing="ij")
    waves = [128 + 60 * torch.sin(rows / (3 + i % 3)) + 50 * torch.cos(columns / (4 + i % 5)) for i in range(30)]
    return torch.stack(waves).round().to(torch.uint8)[:, None].repeat(1, 3, 1, 1)


def test_a_turn_and_a_scale_are_torchvisions(images):
    class Fixed(RandomWarp):
        pass

    generator = Generator().manual_seed(3)
    turn, grow = 2 * torch.rand(2, len(images), generator=Generator().manual_seed(3)) - 1
    warped = Fixed(degrees=20, scale=0.2)(images, generator)
    for index in range(len(images)):
        angle, scale = -20 * float(turn[index]), 1 + 0.2 * float(grow[index])
        expected = affine(images[index], angle, [0, 0], scale, [0.0, 0.0], interpolation=InterpolationMode.BILINEAR)
        middle = (slice(None), slice(8, 16), slice(10, 22))  # near the border, torchvision fills with black
        assert (warped[index][middle].int() - expected[middle].int()).abs().max() <= 2


def test_what_comes_into_view_repeats_the_border():
    white = torch.full((20, 1, 9, 9), 255, dtype=torch.uint8)
    assert torch.equal(RandomWarp(45, 0.5)(white, Generator().manual_seed(0)), white)


def test_no_change_is_none(images):
    generator = Generator().manual_seed(0)
    for nothing in (RandomWarp(0, 0), RandomLight(0, 0), RandomBlend(0)):
        assert torch.equal(nothing(images, generator), images)


def test_light_stays_in_its_bounds(images):
    grey = torch.full((500, 1, 2, 2), 100, dtype=torch.uint8)
    brighter = RandomLight(0.2, 0)(grey, Generator().manual_seed(0)).float()
    assert 79 <= brighter.min() <= 83 and 117 <= brighter.max() <= 121
    contrast = RandomLight(0, 0.5)(grey, Generator().manual_seed(0)).float()
    assert 85 <= contrast.min() <= 88 and 112 <= contrast.max() <= 115  # 127.5 - 27.5 times 0.5 to 1.5


def test_a_blend_lies_between_two_images_of_the_batch():
    flat = (torch.arange(60) * 4).to(torch.uint8)[:, None, None, None].repeat(1, 1, 3, 3)
    blended = RandomBlend(1.0)(flat, Generator().manual_seed(1))
    assert (blended.flatten(1).float().std(1) == 0).all(), "a blend of flat images is flat"
    assert 30 < (blended != flat).flatten(1).any(1).sum(), "most have a partner that is not themselves"
    some = RandomBlend(0.5)(flat, Generator().manual_seed(1))
    assert 15 < (some == flat).flatten(1).all(1).sum() < 50


@given(seed=st.integers(0, 2**31))
def test_the_same_draw_gives_the_same_images(seed: int):
    noise = torch.randint(256, (6, 3, 10, 8), dtype=torch.uint8, generator=Generator().manual_seed(0))
    first, again = (ALL(noise, Generator().manual_seed(seed)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == noise.shape and first.dtype == torch.uint8


def test_each_image_has_its_own_draw(images):
    same = images[:1].repeat(20, 1, 1, 1)
    for augment in (RandomWarp(), RandomLight()):
        assert len(np.unique(augment(same, Generator().manual_seed(0)).numpy(), axis=0)) > 10


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (RandomWarp, {"degrees": -1}),
        (RandomWarp, {"scale": 1.0}),
        (RandomLight, {"brightness": 1.5}),
        (RandomLight, {"contrast": -0.1}),
        (RandomBlend, {"p": 2}),
    ],
)
def test_options_out_of_range_are_refused(make, options):
    with pytest.raises(ValueError, match="expected 0"):
        make(**options)
