"""Image files, opened by Pillow here and nowhere else: formats that are decoded in this process, within limits.

Left alone, Pillow asks every plugin it has whether it knows the bytes, whatever the file's name says: a PostScript
program named ``.jpg`` would be handed to Ghostscript, which runs it.
"""

from __future__ import annotations

import importlib
import io
import re
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from PIL import Image, UnidentifiedImageError, features

from course_lib.alignment.exif_removal import without_exif
from course_lib.alignment.file_kinds import READ, READABLE, other_kind, readable_kind
from course_lib.alignment.jpeg_passes import passes
from course_lib.limits import MAX_PASSES, MAX_PIXELS, MAX_SIDE
from course_lib.stand_ins import HEAD

# Pillow's names of the formats. No other: these are decoded by Pillow or a library that it carries, and none starts a
# program. JPEG includes MPO.
FORMATS = {kind: kind.upper() for kind in READABLE} | {"HEIC": "HEIF"}
# Bytes of a large image that Pillow takes at a time. glibc gives pieces beyond 32 MiB back to the system at once, and
# keeps smaller ones for the thread that freed them: with Pillow's own 16 MiB, each thread would keep its largest image.
BLOCK = 64 * 2**20
_ORDERS = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}  # big, little, this machine's
OTHER_ORDER = {
    f"{colours};16{order}": f"{colours};16{other}"
    for colours in ("RGB", "RGBA", "RGBX", "RGBa", "CMYK")
    for order, other in _ORDERS.items()
}
REDUCED = 254  # TIFF's tag NewSubfileType, whose lowest bit says that this image is a smaller copy of another


class UnreadableError(ValueError):
    """An image that cannot be used; the message names it, what was expected and what to do."""


def open_image(source: Path | bytes, name: str) -> Image.Image:
    """Open an image file, or its bytes, without decoding it: of an animation or several images, the first.

    Args:
        source: the file, or what is in it.
        name: for messages.

    Raises:
        UnreadableError: it is missing, empty, damaged, no image, of another format, or beyond ``MAX_PIXELS``,
            ``MAX_SIDE`` or ``MAX_PASSES`` of ``course_lib.limits``.
    """
    try:
        _check_there(source, name)
        return _within_limits(_opened(source, name), name)
    except UnreadableError:
        raise
    except Image.DecompressionBombError as error:  # before there is an image to ask for its size
        pixels = next(map(int, re.findall(r"\d+", str(error))), 0)
        raise UnreadableError(f"{name}: {pixels:,} pixels; {expected_pixels()}") from error
    except Exception as error:  # decoders raise whatever damaged bytes lead them to
        raise damaged(source, name, error) from error


def damaged(source: Path | bytes, name: str, error: Exception) -> UnreadableError:
    """What to say of an image whose bytes led a decoder to ``error``."""
    if isinstance(error, MemoryError):
        return UnreadableError(f"{name} cannot be read as an image: it needs more memory than there is")
    if isinstance(error, OSError) and error.errno:  # of the system; those of decoders have no number
        return UnreadableError(f"{name} cannot be opened: {error.strerror}")
    said = "" if isinstance(error, UnidentifiedImageError) else f": {str(error)[:200] or type(error).__name__}"
    kind = readable_kind(_head(source))
    return UnreadableError(
        f"{name} cannot be read as an image (a damaged or incomplete {kind}{said}); fetch or copy it again"
    )


def has_deep_colours(image: Image.Image) -> bool:
    """Whether a file, not decoded yet, has colours of 16 bits; Pillow keeps the upper byte of each."""
    deep = image.format in ("PNG", "TIFF") and any(";16" in _raw_mode(tile) for tile in getattr(image, "tile", ()))
    return deep and not image.mode.startswith("I")


def decode_lower_bytes(image: Image.Image) -> Image.Image:
    """Decode a file that has deep colours to their lower bytes: those are the upper ones in the other byte order.

    Raises:
        UnreadableError: it is grey and transparent, which Pillow knows in one order only.
    """
    if any(_raw_mode(tile) not in OTHER_ORDER for tile in image.tile):
        raise UnreadableError("16 bits a pixel, of which only the lower 8 are used; save it with 8 bits a pixel")
    other = [OTHER_ORDER[_raw_mode(tile)] for tile in image.tile]
    image.tile = [
        tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:]))
        for tile, raw in zip(image.tile, other, strict=True)
    ]
    image.load()
    return image


def _raw_mode(tile: Any) -> str:
    """How the bytes of a tile are to be read."""
    args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    return str(args[0]) if args else ""


def expected_pixels() -> str:
    """The limits in words, and how to raise them."""
    return (
        f"expected 1 to {MAX_PIXELS.value:,} pixels and sides of at most {MAX_SIDE.value:,}. Scale it down first, or "
        f"allow more by the environment variables {MAX_PIXELS.variable} and {MAX_SIDE.variable}"
    )


def check_size(size: tuple[int, int]) -> None:
    """Raise an ``UnreadableError`` without a name for a (width, height) beyond the limits."""
    width, height = size
    if not 0 < width * height <= MAX_PIXELS.value or max(size) > MAX_SIDE.value:
        raise UnreadableError(f"{width}x{height} pixels; {expected_pixels()}")


def _opened(source: Path | bytes, name: str) -> Image.Image:
    kind = readable_kind(head := _head(source))
    if kind is None:
        what, remedy = other_kind(head) or ("of no format that is known here", f"expected {READ}")
        raise UnreadableError(f"{name} cannot be read as an image: it is {what}; {remedy}")
    _prepare_pillow()
    if kind == "HEIC" and FORMATS[kind] not in Image.OPEN:
        _heif_plugin(name).register_heif_opener(thumbnails=False)
    if kind == "AVIF" and not features.check("avif"):
        raise UnreadableError(
            f"{name} is an AVIF image, which this Pillow cannot read; pip install --upgrade pillow to read it"
        )
    if kind == "JPEG":
        _check_passes(source, name)
    try:
        return _by_pillow(source, kind)
    except Exception:
        content = source if isinstance(source, bytes) else source.read_bytes()
        mended = without_exif(content, kind)
        if mended == content:
            raise
        return _by_pillow(mended, kind)


def _check_passes(source: Path | bytes, name: str) -> None:
    count = passes(source if isinstance(source, bytes) else source.read_bytes())
    if count > MAX_PASSES.value:
        raise UnreadableError(
            f"{name} is a JPEG with {count:,} passes over its pixels; expected at most {MAX_PASSES.value:,}. Save it "
            f"anew, or allow more by the environment variable {MAX_PASSES.variable}"
        )


def _prepare_pillow() -> None:
    """Load Pillow's plugins, and change two settings that it has for the whole process."""
    Image.init()
    if Image.MAX_IMAGE_PIXELS is not None and Image.MAX_IMAGE_PIXELS < MAX_PIXELS.value:
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS.value  # its own limit is lower
    if Image.core.get_block_size() < BLOCK:
        Image.core.set_block_size(BLOCK)


def _by_pillow(source: Path | bytes, kind: str) -> Image.Image:
    image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=(FORMATS[kind],))
    if kind == "PNG" and not isinstance(source, bytes):
        image.fp = _Bounded(image.fp, source.stat().st_size)
    return image


class _Bounded:
    """A file that is asked for no more bytes than are left in it.

    Python takes memory for as many as it is asked for, and Pillow asks for what a PNG's last chunk of pixels announces.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size = file, size

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, max(0, self._size - self._file.tell())))


def _heif_plugin(name: str) -> ModuleType:
    try:
        return importlib.import_module("pillow_heif")
    except ImportError:
        raise UnreadableError(
            f"{name} is a HEIC photograph; pip install pillow-heif to read it, or export it as JPEG"
        ) from None


def _check_there(source: Path | bytes, name: str) -> None:
    size = len(source) if isinstance(source, bytes) else _size(source)
    if size is None:
        raise UnreadableError(f"{name} is not a file; expected an image")
    if size == 0:
        raise UnreadableError(f"{name} is empty; expected an image. Delete it or fetch it again")


def _size(path: Path) -> int | None:
    """Of a file in bytes; None where there is none."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name with a zero character
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _within_limits(image: Image.Image, name: str) -> Image.Image:
    try:
        check_size(image.size)
    except UnreadableError as error:
        raise UnreadableError(f"{name}: {error}") from error
    if image.format == "TIFF" and int(image.tag_v2.get(REDUCED, 0)) & 1:  # DNG, NEF, ARW: the rest is not for Pillow
        raise UnreadableError(
            f"{name} is a camera's raw file, of which only a small preview could be read; export it as PNG or JPEG"
        )
    return image


def _head(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:HEAD]
    with open(source, "rb") as file:
        return file.read(HEAD)
