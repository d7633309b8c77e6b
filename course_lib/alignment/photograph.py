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


class UnreadableError(ValueError):
    """An image that cannot be used; the message names it, what was expected and what to do."""


def open_photograph(path: Path | str) -> Image.Image:
    """Open an image file, decoded, upright by its EXIF orientation, in mode ``"L"`` or ``"RGB"``.

    Transparency is dropped; 16 bits a pixel are scaled to 8.

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
        UnreadableError: it has more than ``MAX_PIXELS`` pixels, none at all, or floating-point ones.
    """
    width, height = image.size
    if not 0 < width * height <= MAX_PIXELS:
        raise UnreadableError(f"{width}x{height} pixels; expected 1 to {MAX_PIXELS:,} pixels. Scale it down first")
    if image.mode == "F":
        raise UnreadableError("floating-point pixels; expected 8 or 16 bits. Scale them to 0..255 first")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # Pillow itself would clip these at 255
        return Image.fromarray((np.clip(np.asarray(upright), 0, 65535) // 257).astype(np.uint8))
    return upright.convert("L" if upright.mode in GREY_MODES else "RGB")


def as_rgb(image: Photograph) -> np.ndarray:
    """Any photograph as RGB pixels, uint8 (H, W, 3).

    Args:
        image: a file; a PIL image (files and PIL images are turned upright by their EXIF orientation); an array
            (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), RGB order, uint8, or uint16, scaled to 8 bits; or a tensor
            (1, H, W) or (3, H, W), uint8. A fourth channel, transparency, is dropped.

    Raises:
        UnreadableError: the file cannot be read, or the image is too large (``MAX_PIXELS``).
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
        image = (image // 257).astype(np.uint8)
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(image[..., :3])
