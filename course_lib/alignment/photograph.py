"""One photograph from a file or from memory as upright 8-bit pixels, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from torch import Tensor

from course_lib import limits
from course_lib.alignment.file_kinds import IMAGE_SUFFIXES
from course_lib.alignment.image_file import (
    UnreadableError,
    check_size,
    damaged,
    decode_lower_bytes,
    has_deep_colours,
    open_image,
)
from course_lib.alignment.memory_budget import MemoryBudget
from course_lib.paths import expanded

__all__ = ["IMAGE_SUFFIXES", "MAX_PIXELS", "Photograph", "UnreadableError", "as_rgb", "decoded", "open_photograph"]

Photograph = Path | str | Image.Image | np.ndarray | Tensor
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
MAX_PIXELS = limits.MAX_PIXELS.default
BYTES_PER_PIXEL = 12  # while one is decoded: Pillow takes 4, a turned or converted copy 4 more, an array 3
BAND = 4_000_000  # pixels that are copied at a time
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF orientation
_budget = MemoryBudget()
DARKEST = 1 / 16  # of a range: what stays below is as likely to be in a range of its own, such as 12 bits in 16


def open_photograph(source: Path | str | bytes) -> Image.Image:
    """Open an image file, or its bytes, decoded, upright by its EXIF orientation, in mode ``"L"`` or ``"RGB"``.

    Transparency is dropped; values of more than 8 bits are scaled as ``grey_levels`` says. Damaged EXIF tells no
    orientation: the picture is taken as upright. Of an animation it is the first picture. HEIC needs the package
    pillow-heif. ``course_lib.limits`` says how large a photograph may be, and how to allow more.

    Raises:
        UnreadableError: the file is missing, empty, damaged, too large, or no image of a format that is read; the
            message says what it is instead.
    """
    with decoded(source) as photograph:
        return photograph


@contextmanager
def decoded(source: Path | str | bytes, name: str | None = None) -> Iterator[Image.Image]:
    """As ``open_photograph``, but as long as the block lasts the photograph counts among those that are decoded.

    All of them together take at most ``DECODING_BYTES`` of ``course_lib.limits``: a thread that wants to decode one
    more waits. Within the block, wait for no other thread that decodes.

    Args:
        source: the file, or what is in it.
        name: for messages; by default the file's path.
    """
    if isinstance(source, str):
        source = Path(source)
    if isinstance(source, Path):
        source = expanded(source)
    name = name or ("the file" if isinstance(source, bytes) else str(source))
    with open_image(source, name) as file:
        width, height = file.size
        with _budget.lend(width * height * BYTES_PER_PIXEL, limits.DECODING_BYTES.value):
            try:
                photograph = eight_bit(file, lambda: open_image(source, name))
            except UnreadableError as error:
                raise UnreadableError(f"{name}: {error}") from error
            except Exception as error:  # decoders raise whatever damaged bytes lead them to
                raise damaged(source, name, error) from error
            yield photograph


def eight_bit(image: Image.Image, again: Callable[[], Image.Image] | None = None) -> Image.Image:
    """A PIL image, upright by its EXIF orientation, in mode ``"L"`` or ``"RGB"``; the image itself if it is all that.

    Values of more than 8 bits are scaled as ``grey_levels`` says; colours of an image that is decoded already have 8.

    Args:
        again: opens the image's file once more, for colours of 16 bits of which only the lower 8 are used.

    Raises:
        UnreadableError: it is beyond the limits on its size, or has pixels whose range cannot be told.
    """
    check_size(image.size)
    is_deep = has_deep_colours(image)
    image.load()
    if is_deep:
        image = _in_range(image, again)
    upright = _upright(image)
    if upright.mode == "F" or upright.mode.startswith("I"):  # Pillow itself would clip these at 255
        return Image.fromarray(grey_levels(np.asarray(upright)))
    if upright.mode in ("L", "RGB"):
        return upright
    return upright.convert("L" if upright.mode in GREY_MODES else "RGB")


def _in_range(image: Image.Image, again: Callable[[], Image.Image] | None) -> Image.Image:
    """The upper bytes of deep colours, or the lower ones where those are all that is used."""
    brightest = max(high for band, (_, high) in zip(image.getbands(), image.getextrema(), strict=True) if band != "A")
    if brightest >= DARKEST * 256:
        return image
    if brightest or again is None:
        raise UnreadableError(
            f"the brightest pixel is below {(brightest + 1) * 256}: too dark for 0..65535, "
            + ("too bright for 0..255. Scale the pixels to one of these ranges first" if brightest else "give its file")
        )
    with again() as file:
        return decode_lower_bytes(file)


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # damaged EXIF leads to nearly any error, and says nothing about the picture
        return image
    if turn is None:
        return image
    upright = image.transpose(turn)
    upright.info = {key: value for key, value in image.info.items() if key == "transparency"}  # it is turned already
    return upright


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


def as_pixels(photograph: Image.Image) -> np.ndarray:
    """The pixels of an image in mode ``"L"`` or ``"RGB"``: uint8 (H, W) or (H, W, 3), a copy.

    Pillow would make another copy on the way; this one makes it of a few rows at a time.
    """
    width, height = photograph.size
    rows = max(1, BAND // width)
    if rows >= height:
        return np.array(photograph)
    pixels = np.empty((height, width, 3) if photograph.mode == "RGB" else (height, width), np.uint8)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        pixels[top:bottom] = np.asarray(photograph.crop((0, top, width, bottom)))
    return pixels


def as_rgb(image: Photograph) -> np.ndarray:
    """Any photograph as RGB pixels, uint8 (H, W, 3).

    Args:
        image: a file; a PIL image (files and PIL images are turned upright by their EXIF orientation); an array
            (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), RGB order, uint8, or uint16, see ``grey_levels``; or a tensor
            (1, H, W) or (3, H, W), uint8. A fourth channel, transparency, is dropped.

    Raises:
        UnreadableError: the file cannot be read, the image is too large, see ``open_photograph``, or its range
            cannot be told.
        TypeError: another type, or pixels that are neither uint8 nor uint16.
        ValueError: another shape.
    """
    if isinstance(image, (str, Path)):
        with decoded(image) as photograph:
            return _three_channels(as_pixels(photograph))
    if isinstance(image, Image.Image):
        return _three_channels(as_pixels(eight_bit(image)))
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
    return _three_channels(image)


def _three_channels(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(pixels[..., :3])
