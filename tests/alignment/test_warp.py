from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from skimage.transform import warp as skimage_warp

from course_lib.alignment import warp
from course_lib.alignment.warp import LONGEST_SIDE, _looks

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
ROUGH = np.random.default_rng(2).integers(0, 256, (50, 60, 3)).astype(np.uint8)
TURNED = np.array([[0.8, -0.3, 12.0], [0.3, 0.8, -4.0]])


@pytest.fixture
def smooth() -> np.ndarray:
    rows, columns = np.mgrid[0:50, 0:60]
    waves = [np.sin(rows / 7 + phase) * np.cos(columns / 9 + phase) for phase in (0, 1, 2)]
    return (127.5 + 120 * np.stack(waves, -1)).astype(np.uint8)


def test_it_agrees_with_scikit_image(smooth):
    ours = warp(smooth, TURNED, (40, 45))
    inverse = np.linalg.inv(np.vstack([TURNED, [0, 0, 1]]))
    theirs = 255 * skimage_warp(smooth / 255, inverse, output_shape=(40, 45), order=1, mode="constant")
    inside = warp(np.full_like(smooth, 255), TURNED, (40, 45)) == 255  # at the border conventions differ
    assert 0.5 < inside.mean() < 1
    assert np.abs(ours - theirs)[inside].max() < 2


def test_points_go_where_pixels_go():
    image = np.zeros((50, 60), np.uint8)
    image[20:23, 30:33] = 255  # around (31, 21)
    warped = warp(image, TURNED, (60, 60)).astype(float)
    rows, columns = np.mgrid[0:60, 0:60]
    centre = np.array([(columns * warped).sum(), (rows * warped).sum()]) / warped.sum()
    np.testing.assert_allclose(centre, TURNED[:, :2] @ [31, 21] + TURNED[:, 2], atol=0.05)


def test_bilinear_by_hand():
    image = np.array([[0, 100], [200, 40]], np.uint8)
    half = np.array([[1.0, 0, -0.5], [0, 1, 0]])  # looks half a pixel to the right
    assert warp(image, half, (2, 1)).tolist() == [[50], [120]]
    assert warp(image, IDENTITY, 3).tolist() == [[0, 100, 0], [200, 40, 0], [0, 0, 0]]


def test_a_batch_is_its_images_on_any_number_of_threads(smooth):
    batch = np.stack([np.roll(smooth, shift, 0) for shift in range(40)])
    matrices = np.stack([TURNED + [[0, 0, shift], [0, 0, 0]] for shift in range(40)])
    one_by_one = np.stack([warp(i, m, (40, 45)) for i, m in zip(batch, matrices, strict=True)])
    assert one_by_one.shape == (40, 40, 45, 3) and one_by_one.dtype == np.uint8
    for threads in (1, 3):
        np.testing.assert_array_equal(warp(batch, matrices, (40, 45), threads=threads), one_by_one)
    np.testing.assert_array_equal(warp(list(batch), matrices, (40, 45)), one_by_one)
    np.testing.assert_array_equal(warp(batch, TURNED, (40, 45))[5], warp(batch[5], TURNED, (40, 45)))


def test_images_of_a_sequence_may_have_any_sizes(smooth):
    warped = warp([smooth, smooth[:20, :30]], np.stack([IDENTITY, IDENTITY]), 32)
    np.testing.assert_array_equal(warped[0, :20, :30], warped[1, :20, :30])


@pytest.mark.parametrize("channels", [1, 3])
def test_tensors_have_their_channels_first(smooth, channels):
    array = smooth[..., :channels]
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    expected = warp(smooth, TURNED, (40, 45))[..., :channels]
    one, batch = warp(tensor, TURNED, (40, 45)), warp(torch.stack([tensor, tensor]), TURNED, (40, 45))
    assert one.shape == (channels, 40, 45) and batch.shape == (2, channels, 40, 45) and batch.is_contiguous()
    np.testing.assert_array_equal(one.permute(1, 2, 0), expected)
    np.testing.assert_array_equal(batch[1].permute(1, 2, 0), expected)


# --- Results much smaller than what they show ---


def turned(scale: float, angle: float, middle: tuple[float, float], size: int) -> np.ndarray:
    """By that scale and angle, with that point of the image in the middle of the result."""
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, (size - 1) / 2 - linear @ middle])


def integrated(image: np.ndarray, matrix: np.ndarray, size: int, n: int) -> np.ndarray:
    """The mean of the image over each pixel of the result, from n x n places in it, by SciPy."""
    places = (np.arange(size * n) + 0.5) / n - 0.5
    (a, b), (c, d) = np.linalg.inv(matrix[:, :2])
    x, y = np.meshgrid(places - matrix[0, 2], places - matrix[1, 2])
    seen = map_coordinates(image.astype(float), [c * x + d * y, a * x + b * y], order=1, mode="constant")
    return seen.reshape(size, n, size, n).mean((1, 3))


@pytest.mark.parametrize("side", [3, 4])
def test_at_a_third_or_a_quarter_each_pixel_is_the_mean_of_a_block(side):
    """By hand: the middle of the first block of 4 is at 1.5, and must come to 0; so too for the others."""
    rough = np.random.default_rng(0).integers(0, 256, (12 * side, 10 * side, 3)).astype(np.uint8)
    matrix = np.array([[1 / side, 0, -(side - 1) / 2 / side], [0, 1 / side, -(side - 1) / 2 / side]])
    blocks = rough.reshape(12, side, 10, side, 3).mean((1, 3))
    assert np.abs(warp(rough, matrix, (12, 10)) - blocks).max() <= 0.5
    only_across = np.array([[1 / side, 0, -(side - 1) / 2 / side], [0, 1, 0]])
    blocks = rough.reshape(12 * side, 10, side, 3).mean(2)
    assert np.abs(warp(rough, only_across, (12 * side, 10)) - blocks).max() <= 0.5


@pytest.mark.parametrize(("scale", "angle"), [(0.49, 0.3), (0.34, -2), (0.21, 1.0), (0.1, 0.0), (0.06, 2.5)])
def test_noise_is_averaged_as_an_integral_does(scale, angle):
    rough = np.random.default_rng(1).integers(0, 256, (500, 600)).astype(np.uint8)
    matrix = turned(scale, angle, (300, 250), 24)
    expected = integrated(rough, matrix, 24, 25)
    missed = cv2.warpAffine(rough, matrix, (24, 24)) - expected
    assert np.abs(warp(rough, matrix, 24) - expected).mean() < min(2, np.abs(missed).mean() / 10)


def test_a_face_is_not_moved_by_the_averaging():
    """Half a pixel of the result would be several of the image: the waves must lie where the integral has them."""
    rows, columns = np.mgrid[0:500, 0:600]
    waves = (127.5 + 120 * np.sin(rows / 31) * np.cos(columns / 37)).astype(np.uint8)
    for scale in (0.45, 0.3, 0.125, 0.09):
        matrix = turned(scale, 0.4, (290.3, 251.8), 24)
        assert np.abs(warp(waves, matrix, 24) - integrated(waves, matrix, 24, 20)).max() < 1.6
        spot = np.zeros((500, 600), np.uint8)
        spot[240:260, 280:310] = 255  # around (294.5, 249.5)
        seen = warp(spot, matrix, 24).astype(float)
        centre = np.array([(seen * np.arange(24)).sum(), (seen.T * np.arange(24)).sum()]) / seen.sum()
        np.testing.assert_allclose(centre, matrix[:, :2] @ [294.5, 249.5] + matrix[:, 2], atol=0.02)


@settings(max_examples=50)
@given(st.floats(0.5, 5), st.floats(-4, 4), st.floats(0, 60), st.floats(0, 50))
def test_from_one_half_on_nothing_is_averaged(scale, angle, x, y):
    matrix = turned(scale, angle, (x, y), 16)
    np.testing.assert_array_equal(warp(ROUGH, matrix, 16), cv2.warpAffine(ROUGH, matrix, (16, 16)))


def test_large_images_alone_in_bands_grey_or_in_a_batch_are_the_same(smooth, monkeypatch):
    large = np.kron(smooth, np.ones((9, 9, 1), np.uint8))
    matrix = turned(0.12, 0.3, (260, 240), 40)
    alone = warp(large, matrix, 40)
    assert alone.std() > 20
    np.testing.assert_array_equal(warp(np.stack([large, large]), matrix, 40, threads=2)[1], alone)
    np.testing.assert_array_equal(warp([large[..., :1]], matrix, 40)[0], alone[..., :1])
    for grey in (large[..., 2], large[..., 2:]):
        np.testing.assert_array_equal(warp(grey, matrix, 40), alone[..., 2])
    monkeypatch.setattr(sys.modules[_looks.__module__], "LOOKS_AT_ONCE", 10_000)
    assert np.abs(warp(large, matrix, 40).astype(int) - alone).max() <= 1


@pytest.mark.parametrize("scale", [1e-3, 1e-9, 1e-150])
def test_an_image_that_is_a_speck_costs_little(scale):
    """Landmarks far outside a photograph lead to such a matrix."""
    white = np.full((60, 50, 3), 255, np.uint8)
    across, down = _looks(white, turned(scale, 1, (20, 20), 112), 112, 112)
    assert 112 * max(across, down) <= 2 * (60 + 50) <= LONGEST_SIDE
    assert warp(white, turned(scale, 1, (20, 20), 112)).shape == (112, 112, 3)


def test_a_speck_that_is_looked_at_twice_each_way_is_the_mean_of_the_four():
    """By hand: a white image four pixels wide in the middle of pixel (15, 15), seen a tenth as large."""
    matrix = turned(0.1, 0, (1.5, 1.5), 30)
    white = np.full((16, 16), 255, np.uint8)
    assert _looks(white, matrix, 30, 30) == (2, 2)
    looks = np.clip(10 * (np.arange(60) / 2 - 0.25 - matrix[0, 2]), -1, 16)  # where each of 60 looks a row falls
    inside = np.clip(np.minimum(looks + 1, 16 - looks), 0, 1)  # bilinear, black all around
    expected = 255 * np.outer(inside, inside).reshape(30, 2, 30, 2).mean((1, 3))
    assert np.abs(warp(white, matrix, 30) - expected).max() <= 2


@pytest.mark.parametrize(
    ("images", "matrix", "error", "message"),
    [
        (np.zeros((4, 4)), IDENTITY, TypeError, "float64; expected uint8"),
        (np.zeros((4, 4, 2), np.uint8), IDENTITY, ValueError, r"shape \(4, 4, 2\)"),
        (np.zeros((1, 40_000), np.uint8), IDENTITY, ValueError, "1x40000; at most 32766"),
        (np.zeros((2, 4, 4, 3), np.uint8), np.stack([IDENTITY] * 3), ValueError, "2 images and 3 matrices"),
        ([], np.zeros((0, 2, 3)), ValueError, "no images"),
        (np.zeros((4, 4), np.uint8), np.eye(3), ValueError, r"matrix has shape \(3, 3\)"),
        (np.zeros((4, 4), np.uint8), np.zeros((2, 3)), ValueError, "cannot be inverted"),
        (np.zeros((4, 4), np.uint8), IDENTITY * np.nan, ValueError, "not finite"),
        (torch.zeros(4, 4, dtype=torch.uint8), IDENTITY, ValueError, r"\(4, 4\); expected \(C, H, W\)"),
        ([np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint8)], IDENTITY, ValueError, "not both grey"),
    ],
)
def test_bad_input_is_refused(images, matrix, error, message):
    with pytest.raises(error, match=message):
        warp(images, matrix, 8)
