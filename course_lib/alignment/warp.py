"""Images seen through an affine map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor

from course_lib.alignment.template import Size, as_height_width

LONGEST_SIDE = 32766  # OpenCV counts a warped image's pixels in 16 bits
PORTION = 16  # images that a thread takes at a time
SPARSEST = 2  # pixels of the image from one look to the next: from farther apart, bilinear looks miss some
ROUNDING = 1e-9  # of such a distance
LOOKS_AT_ONCE = 4_000_000  # 12 MB in colour


def warp(
    images: np.ndarray | Tensor | Sequence[np.ndarray], matrix: np.ndarray, size: Size = 112, *, threads: int = 1
) -> np.ndarray | Tensor:
    """Move every pixel by ``matrix``: bilinear, black outside the image.

    Each pixel of the result looks up, through the inverse of ``matrix``, where it comes from. One look sees four pixels
    of the image. Where the result is less than half as large as what it shows, most would never be seen, and their
    noise would not be averaged: there each pixel of the result is the mean of as many looks, evenly spread over it, as
    it covers pixels of the image.

    Args:
        images: uint8. One, (H, W) or (H, W, 3), or a batch, (N, H, W, 3) or a sequence of arrays of any sizes. A tensor
            has its channels first: (C, H, W) or (N, C, H, W).
        matrix: (2, 3), from the image to the result, or (N, 2, 3) for a batch: what ``similarity`` returns.
        size: of the result: the side of a square, or (height, width).
        threads: how many work on a batch.

    Returns:
        uint8 of the kind given, of that size; a sequence gives an array (N, height, width[, 3]).

    Raises:
        TypeError: images that are not uint8.
        ValueError: other shapes, as many images as matrices are expected, or a matrix that cannot be inverted.
    """
    height, width = as_height_width(size)
    if isinstance(images, Tensor):
        if images.ndim not in (3, 4):
            raise ValueError(f"the tensor has shape {tuple(images.shape)}; expected (C, H, W) or (N, C, H, W)")
        warped = warp(images.movedim(-3, -1).contiguous().numpy(), matrix, size, threads=threads)
        if warped.ndim < images.ndim:  # OpenCV drops a single channel
            warped = warped[..., None]
        return torch.from_numpy(warped).movedim(-1, -3).contiguous()
    matrix = _checked_matrix(matrix)
    if isinstance(images, np.ndarray) and matrix.ndim == 2 and images.ndim in (2, 3):
        return _warp_one(images, matrix, height, width)
    if len(images) == 0:
        raise ValueError("there are no images to warp; expected at least one")
    matrices = np.broadcast_to(matrix, (len(images), 2, 3)) if matrix.ndim == 2 else matrix
    if len(matrices) != len(images):
        raise ValueError(f"{len(images)} images and {len(matrices)} matrices; expected as many, or one matrix for all")
    return _warp_all(images, matrices, height, width, threads)


def _warp_all(images: Sequence[np.ndarray], matrices: np.ndarray, height: int, width: int, threads: int) -> np.ndarray:
    channels = images[0].shape[2:]
    warped = np.empty((len(images), height, width, *channels), np.uint8)

    def portion(start: int) -> None:
        for index in range(start, min(start + PORTION, len(images))):
            if images[index].shape[2:] != channels:
                raise ValueError(f"image {index} and image 0 are not both grey or both colour; convert one of them")
            _warp_one(images[index], matrices[index], height, width, warped[index])

    starts = range(0, len(images), PORTION)
    if threads == 1:
        for start in starts:
            portion(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(portion, starts))
    return warped


def _warp_one(
    image: np.ndarray, matrix: np.ndarray, height: int, width: int, out: np.ndarray | None = None
) -> np.ndarray:
    if image.dtype != np.uint8:
        raise TypeError(f"the image is {image.dtype}; expected uint8 pixels 0..255")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)) or 0 in image.shape:
        raise ValueError(f"the image has shape {image.shape}; expected (H, W) or (H, W, 3)")
    if max(image.shape) > LONGEST_SIDE:
        raise ValueError(
            f"the image is {image.shape[0]}x{image.shape[1]}; at most {LONGEST_SIDE} pixels a side, scale it"
        )
    across, down = _looks(image, matrix, height, width)
    if across == down == 1:
        return cv2.warpAffine(image, matrix, (width, height), dst=out, flags=cv2.INTER_LINEAR)
    # The looks of one pixel lie around its centre: that of pixel u is number across * u + (across - 1) / 2 of a row.
    matrix = matrix * [[across], [down]] + [[0, 0, (across - 1) / 2], [0, 0, (down - 1) / 2]]
    if out is None:
        out = np.empty((height, width) if image.ndim == 2 or image.shape[2] == 1 else (height, width, 3), np.uint8)
    band = max(1, LOOKS_AT_ONCE // (across * width * down))  # rows of the result
    for top in range(0, height, band):
        rows = out[top : top + band]
        below = matrix - [[0, 0, 0], [0, 0, top * down]]
        looks = cv2.warpAffine(image, below, (across * width, down * len(rows)), flags=cv2.INTER_LINEAR)
        rows[...] = cv2.resize(looks, (width, len(rows)), interpolation=cv2.INTER_AREA).reshape(rows.shape)
    return out


def _looks(image: np.ndarray, matrix: np.ndarray, height: int, width: int) -> tuple[int, int]:
    """How many looks a pixel of the result is the mean of: side by side, and one below the other."""
    (a, b, _), (c, d, _) = matrix.tolist()
    determinant = abs(a * d - b * c)
    # How far the look moves in the image when the pixel of the result moves by one, to the right and down.
    steps = math.hypot(c, d) / determinant, math.hypot(a, b) / determinant
    if not max(steps) > SPARSEST + ROUNDING:
        return 1, 1
    # Where the whole image is a speck in the result, it is not looked at far more often than it has pixels.
    most = min(LONGEST_SIDE, 2 * sum(image.shape[:2]))
    across, down = (
        max(1, math.ceil(min(step - ROUNDING, most // side))) for step, side in zip(steps, (width, height), strict=True)
    )
    return across, down


def _checked_matrix(matrix: np.ndarray) -> np.ndarray:
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim not in (2, 3) or matrix.shape[-2:] != (2, 3):
        raise ValueError(f"the matrix has shape {matrix.shape}; expected (2, 3) or (N, 2, 3)")
    determinant = matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]
    if not np.isfinite(matrix).all() or (determinant == 0).any():
        raise ValueError("a matrix is not finite or cannot be inverted; expected what similarity() returns")
    return matrix
