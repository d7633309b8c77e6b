from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.transform import warp as skimage_warp

from course_lib.alignment import warp

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
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
