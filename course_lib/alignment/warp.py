"""Images seen through an affine map."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor

from course_lib.alignment.template import Size, as_height_width

LONGEST_SIDE = 32766  # OpenCV counts a warped image's pixels in 16 bits
PORTION = 16  # images that a thread takes at a time


def warp(
    images: np.ndarray | Tensor | Sequence[np.ndarray], matrix: np.ndarray, size: Size = 112, *, threads: int = 1
) -> np.ndarray | Tensor:
    """Move every pixel by ``matrix``: bilinear, black outside the image.

    Each pixel of the result looks up, through the inverse of ``matrix``, where it comes from. Where the result is much
    smaller than the face, most pixels are never looked at: scale such a photograph down first.

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
    return cv2.warpAffine(image, matrix, (width, height), dst=out, flags=cv2.INTER_LINEAR)


def _checked_matrix(matrix: np.ndarray) -> np.ndarray:
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim not in (2, 3) or matrix.shape[-2:] != (2, 3):
        raise ValueError(f"the matrix has shape {matrix.shape}; expected (2, 3) or (N, 2, 3)")
    determinant = matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]
    if not np.isfinite(matrix).all() or (determinant == 0).any():
        raise ValueError("a matrix is not finite or cannot be inverted; expected what similarity() returns")
    return matrix
