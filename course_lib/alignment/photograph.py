"""One photograph from a file or from memory as upright 8-bit pixels, whatever its format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

Photograph = Path | str | Image.Image | np.ndarray | Tensor
IMAGE_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
MAX_PIXELS = 100_000_000  # a camera's largest; a file of a few kilobytes can announce far more
DARKEST = 1 / 16  # of a range: what stays below is as likely to be in a range of its own, such as 12 bits in 16


class UnreadableError(ValueError):
    """An image that cannot be used; the message names it, what was expected and what to do."""


def open_photograph(path: Path | str) -> Image.Image:
    """Open an image file, decoded, upright by its EXIF orientation, in mode ``"L"`` or ``"RGB"``.

    Transparency is dropped; grey values of more than 8 bits are scaled as ``grey_levels`` says.

    Raises:
        UnreadableError: the file is missing, empty, damaged, no image, or beyond ``MAX_PIXELS``.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableError(f"{path} is not a file; expected an image")
    if path.stat().st_size == 0:
        raise UnreadableError(f"{path} is empty; expected an image. Delete it or fetch it again")
    try:
        with Image.open(path) as file:
            return eight_bit(file)
    except UnreadableError as error:
        raise UnreadableError(f"{path}: {error}") from error
    except Exception as error:  # decoders raise whatever damaged bytes lead them to
        raise UnreadableError(f"{path} cannot be read as an image ({error}); delete it or fetch it again") from error


def eight_bit(image: Image.Image) -> Image.Image:
    """A PIL image, upright by its EXIF orientation, in mode ``"L"`` or ``"RGB"``.

    Raises:
        UnreadableError: it has more than ``MAX_PIXELS`` pixels, none at all, or ones whose range cannot be told.
    """
    width, height = image.size
    if not 0 < width * height <= MAX_PIXELS:
        raise UnreadableError(f"{width}x{height} pixels; expected 1 to {MAX_PIXELS:,} pixels. Scale it down first")
    upright = ImageOps.exif_transpose(image)
    if upright.mode == "F" or upright.mode.startswith("I"):  # Pillow itself would clip these at 255
        return Image.fromarray(grey_levels(np.asarray(upright)))
    return upright.convert("L" if upright.mode in GREY_MODES else "RGB")


def grey_levels(values: np.ndarray) -> np.ndarray:
    """Integers or floating-point numbers of any size as uint8, by the range that they fill.

    The type does not tell the range: files of 32 bits hold 0..255 as well as 0..65535. So the range is the smallest of
    0..1 (floating-point numbers only), 0..255 and 0..65535 that holds the brightest value.

    Raises:
        UnreadableError: a value is negative, NaN or above 65535; or the brightest is less than a sixteenth of its range
            and too large for the range below, as 12 bits in 16 are: it may be a dark photograph, or in another range.
    """
    low, high = values.min(), values.max()
    if not 0 <= low <= high <= 65535:  # nor is NaN
        raise UnreadableError(f"pixels from {low:g} to {high:g}; expected 0..255 or 0..65535. Scale them to one first")
    is_whole = np.issubdtype(values.dtype, np.integer)
    ranges = (255, 65535) if is_whole else (1, 255, 65535)
    end = next(end for end in ranges if high <= end)
    if end != ranges[0] and high < DARKEST * end:
        below = ranges[ranges.index(end) - 1]
        raise UnreadableError(
            f"the brightest pixel is {high:g}: too dark for 0..{end}, too bright for 0..{below}. Scale the pixels to "
            "one of these ranges first"
        )
    return (values // (end // 255) if is_whole else np.rint(values * (255 / end))).astype(np.uint8)


def as_rgb(image: Photograph) -> np.ndarray:
    """Any photograph as RGB pixels, uint8 (H, W, 3).

    Args:
        image: a file; a PIL image (files and PIL images are turned upright by their EXIF orientation); an array
            (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), RGB order, uint8, or uint16, see ``grey_levels``; or a tensor
            (1, H, W) or (3, H, W), uint8. A fourth channel, transparency, is dropped.

    Raises:
        UnreadableError: the file cannot be read, the image is too large (``MAX_PIXELS``), or its range cannot be told.
        TypeError: another type, or pixels that are neither uint8 nor uint16.
        ValueError: another shape.
    """
    if isinstance(image, (str, Path)):
        return np.array(open_photograph(image).convert("RGB"))
    if isinstance(image, Image.Image):
        return np.array(eight_bit(image).convert("RGB"))
    if isinstance(image, Tensor):
        if image.ndim != 3 or image.shape[0] not in (1, 3):
            raise ValueError(f"the tensor has shape {tuple(image.shape)}; expected (1 or 3, H, W)")
        image = image.permute(1, 2, 0).cpu().numpy()
    if not isinstance(image, np.ndarray):
        raise TypeError(f"the image is a {type(image).__name__}; expected a path, a PIL image, an array or a tensor")
    if image.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"the image is {image.dtype}; expected uint8 pixels 0..255 (or uint16)")
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3, 4)) or 0 in image.shape:
        raise ValueError(f"the array has shape {image.shape}; expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)")
    if image.dtype == np.uint16:
        image = grey_levels(image[..., :3] if image.ndim == 3 else image)
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(image[..., :3])
