"""Photographs from disk: one file, or a folder with one folder an identity."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from course_lib.alignment.junk import is_junk
from course_lib.alignment.photograph import IMAGE_SUFFIXES, as_pixels, decoded
from course_lib.data.container import ImageSet
from course_lib.data.growing import GrowingImages
from course_lib.data.resizing import resize
from course_lib.paths import expanded
from course_lib.progress import Progress

NO_IMAGE = "no image by its suffix"
SEEN = "a link to a folder that is reached by another way too"
BESIDE, INSIDE = "an image beside the folders of the identities", "a folder inside an identity's"
SUFFIXES = ", ".join(sorted(IMAGE_SUFFIXES))
PassedOver = list[tuple[str, str]]  # paths, each with the reason


def read_photograph(path: Path | str, *, colour: bool | None = None) -> Tensor:
    """Read one image file as uint8 (C, H, W), turned upright by its EXIF orientation; see ``open_photograph``.

    ``colour=True`` gives 3 channels, ``False`` 1; None keeps grey files grey and makes all others RGB.

    Raises:
        ValueError: the file is missing, empty, damaged, too large or no image; the message names it.
    """
    with decoded(path) as photograph:
        return as_tensor(photograph, colour=colour)


def as_tensor(photograph: Image.Image, *, colour: bool | None = None) -> Tensor:
    """A PIL image as ``open_photograph`` and ``eight_bit`` give them, as uint8 (C, H, W); ``colour`` as above."""
    return _view(photograph, colour).contiguous()


def _view(photograph: Image.Image, colour: bool | None) -> Tensor:
    """As ``as_tensor``, but in Pillow's order in memory: what is scaled down next is not copied before."""
    if colour is not None and photograph.mode != (mode := "RGB" if colour else "L"):
        photograph = photograph.convert(mode)
    pixels = torch.from_numpy(as_pixels(photograph))
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)


def face_folder(
    path: Path | str, *, size: tuple[int, int] | None = None, colour: bool = True, source: str | None = None
) -> ImageSet:
    """Read ``IDENTITY/IMAGE`` files: each folder inside ``path`` is one person.

    Identities and their images come in alphabetical order. What is not read (files that are no images by their suffix,
    hidden ones, images beside the folders, folders inside them, folders that cannot be listed) stands in
    ``passed_over`` of the set, each with the reason, and is counted in ``source``. What systems and programs leave
    behind, such as ``__MACOSX`` or ``.DS_Store``, is nobody's photograph and not counted.

    Args:
        path: the folder.
        size: (height, width) to scale every image to; None expects them to have one size already.
        colour: True for 3 channels, False for 1.
        source: credit line; the folder's path by default.

    Raises:
        FileNotFoundError: there is no such folder, or it holds no identity with an image.
        ValueError: an image is empty or damaged, an identity's folder holds none, or sizes differ; the file is named.
    """
    path = expanded(path)
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not a folder; expected one folder per identity with images inside")
    folders, passed_over = identities(path)
    files: list[Path] = []
    labels: list[int] = []
    names: list[str] = []
    for folder in folders:
        images, others = images_in(folder)
        passed_over += others
        if images is None:
            continue
        if not images:
            raise ValueError(f"{folder} holds no image{in_words(others)}; expected at least one ({SUFFIXES})")
        files += images
        labels += [len(names)] * len(images)
        names.append(folder.name)
    if not files:
        raise FileNotFoundError(
            f"{path} holds no identity; expected folders IDENTITY/IMAGE.jpg inside it{in_words(passed_over)}"
        )
    credit = (source or str(path)) + in_words(passed_over)
    images = read_photographs(files, size=size, colour=colour)
    return ImageSet(images, torch.tensor(labels), tuple(names), credit, tuple(passed_over))


def identities(path: Path) -> tuple[list[Path], PassedOver]:
    """The folders of the identities, and what lies beside them."""
    folders, others = [], []
    here, places = os.path.realpath(path), set()
    for entry in sorted(_entries(path), key=os.path.islink):  # a folder before the links to it
        if entry.name.startswith("."):
            others.append((str(entry), "hidden"))
        elif os.path.isdir(entry):
            place = os.path.realpath(entry) if os.path.islink(entry) else os.path.join(here, entry.name)
            if place in places:
                others.append((str(entry), SEEN))
            else:
                folders.append(entry)
            places.add(place)
        else:
            is_image = entry.suffix.lower() in IMAGE_SUFFIXES
            others.append((str(entry), BESIDE if is_image else NO_IMAGE))
    return sorted(folders), sorted(others)


def images_in(folder: Path) -> tuple[list[Path] | None, PassedOver]:
    """The images of one identity, None where they cannot be listed, and what else is there."""
    images, others = [], []
    try:
        entries = _entries(folder)
    except OSError as error:
        return None, [(str(folder), f"a folder that cannot be listed: {error.strerror}")]
    for entry in entries:
        if entry.name.startswith("."):
            others.append((str(entry), "hidden"))
        elif os.path.isdir(entry):
            others.append((str(entry), INSIDE))
        elif entry.suffix.lower() not in IMAGE_SUFFIXES:
            others.append((str(entry), NO_IMAGE))
        else:
            images.append(entry)
    return images, others


def _entries(folder: Path) -> list[Path]:
    return sorted(folder / name for name in os.listdir(folder) if not is_junk(name))


def in_words(passed_over: Sequence[tuple[str, str]]) -> str:
    """How many files are no images, and how many other things are passed over, of which the first is named."""
    files = sum(reason == NO_IMAGE for _, reason in passed_over)
    rest = [f"{entry} ({reason})" for entry, reason in passed_over if reason != NO_IMAGE]
    parts = [f"{files:,} files that are no images passed over"] if files else []
    if rest:
        parts.append(f"not read: {rest[0]}" + (f" and {len(rest) - 1:,} more, see passed_over" if rest[1:] else ""))
    return f" ({'; '.join(parts)})" if parts else ""


def read_photographs(
    files: Sequence[Path], *, size: tuple[int, int] | None, colour: bool, crop: tuple[int, int, int] | None = None
) -> Tensor:
    """Read files in parallel to one uint8 (N, C, H, W) tensor, each first cropped, then scaled.

    As many are decoded at once as fit into ``DECODING_BYTES`` of ``course_lib.limits``.

    Args:
        files: at least one.
        size: (height, width) in pixels, or None to expect one size of all.
        colour: True for 3 channels, False for 1.
        crop: (top, left, side) in pixels of a square to cut out, or None.

    Raises:
        ValueError: a file cannot be read, is too small for the crop, or has another size than the first; it is named.
    """
    images = GrowingImages(len(files))
    first: tuple[int, ...] | None = None
    read = _in_parallel(files, size, colour, crop)
    bar = Progress(read, desc="reading", total=len(files), unit="photograph", leave=False, delay=1)
    for file, image in zip(files, bar, strict=True):
        first = first or tuple(image.shape)
        if image.shape != first:
            raise ValueError(
                f"{file} is {image.shape[1]}x{image.shape[2]}, but {files[0]} is {first[1]}x{first[2]}; expected one "
                "size. Pass size=(height, width) to scale them"
            )
        images.append(image)
    return images.tensor()


def _in_parallel(
    files: Sequence[Path], size: tuple[int, int] | None, colour: bool, crop: tuple[int, int, int] | None
) -> Iterator[Tensor]:
    with ThreadPoolExecutor() as pool:
        yield from pool.map(lambda file: read_prepared(file, size, colour, crop), files)


def read_prepared(
    source: Path | bytes,
    size: tuple[int, int] | None,
    colour: bool,
    crop: tuple[int, int, int] | None = None,
    *,
    name: str | None = None,
) -> Tensor:
    """One of ``read_photographs``, from a file or its bytes; ``name`` for messages."""
    with decoded(source, name) as photograph:
        image = _view(photograph, colour)
        if crop is not None:
            top, left, side = crop
            height, width = image.shape[1:]
            if top + side > height or left + side > width:
                raise ValueError(
                    f"{source} is {height}x{width}, too small for the crop of {side} pixels from row {top} and column "
                    f"{left}"
                )
            image = image[:, top : top + side, left : left + side]
        return (image if size is None else resize(image, *size)).contiguous()
