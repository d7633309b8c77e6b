from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import adaptive_avg_pool2d

from course_lib.alignment.summed_area import crops, scaled, summed_area


def random_images(seed: int, count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def pooled(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The same averages by PyTorch."""
    return adaptive_avg_pool2d(torch.from_numpy(images).permute(0, 3, 1, 2).double(), size).permute(0, 2, 3, 1).numpy()


def test_by_hand():
    image = np.array([[0, 10, 20], [30, 40, 50]], dtype=np.uint8)[None, :, :, None].repeat(3, axis=3)
    # Three columns become two: the middle one counts in both.
    np.testing.assert_array_equal(scaled(summed_area(image), (1, 2))[0, :, :, 0], [[20, 30]])
    np.testing.assert_array_equal(scaled(summed_area(image), (2, 1))[0, :, :, 2], [[10], [40]])


@settings(max_examples=40)
@given(st.integers(0, 999), *[st.integers(1, 40)] * 4)
def test_scaled_agrees_with_adaptive_pooling_smaller_and_larger(seed, height, width, new_height, new_width):
    images = random_images(seed, 2, height, width)
    found = scaled(summed_area(images), (new_height, new_width))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, pooled(images, (new_height, new_width)), atol=1e-3)


def test_some_rows_are_those_of_the_whole():
    tables = summed_area(random_images(0, 2, 37, 23))
    np.testing.assert_array_equal(scaled(tables, (20, 15), range(4, 11)), scaled(tables, (20, 15))[:, 4:11])


@settings(max_examples=40)
@given(seed=st.integers(0, 999), side=st.sampled_from([1, 5, 24]))
def test_crops_agree_with_adaptive_pooling_of_images_set_in_black(seed, side):
    images = random_images(seed, 3, 30, 20)
    generator = np.random.default_rng(seed)
    corner = generator.integers(-25, 30, (8, 2))
    boxes, image_of = np.hstack([corner, corner + generator.integers(1, 25, (8, 2))]), generator.integers(0, 3, 8)
    in_black = np.pad(images, ((0, 0), (30, 60), (30, 60), (0, 0)))
    found = crops(summed_area(images), image_of, boxes, side)
    for crop, image, (left, top, right, bottom) in zip(found, image_of, boxes + 30, strict=True):
        expected = pooled(in_black[image : image + 1, top:bottom, left:right], (side, side))[0]
        np.testing.assert_allclose(crop, expected, atol=1e-3)


def test_no_crops():
    tables = summed_area(random_images(0, 1, 9, 9))
    assert crops(tables, np.empty(0, dtype=int), np.empty((0, 4), dtype=int), 24).shape == (0, 24, 24, 3)


def test_sums_beyond_32_bits_still_give_averages():
    white = np.full((1, 4200, 2100, 3), 255, dtype=np.uint8)
    tables = summed_area(white)
    assert tables.min() < 0, "the sum of all pixels does not fit"
    assert (scaled(tables, (7, 5)) == 255).all()
    assert (crops(tables, np.zeros(1, dtype=int), np.array([[2000, 4100, 2100, 4200]]), 24) == 255).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9)])
def test_the_smallest_images(shape):
    images = random_images(1, 1, *shape)
    np.testing.assert_array_equal(scaled(summed_area(images), shape), images)
