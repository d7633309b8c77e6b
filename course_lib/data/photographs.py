"""Photographs from disk: one file, or a folder with one folder an identity."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from course_lib.alignment.photograph import IMAGE_SUFFIXES, open_photograph
from course_lib.data.container import ImageSet
from course_lib.data.resizing import resize


def read_photograph(path: Path | str, *, colour: bool | None = None) -> Tensor:
    """Read one image file as uint8 (C, H, W), turned upright by its EXIF orientation.

    ``colour=True`` gives 3 channels, ``False`` 1; None keeps grey files grey and makes all others RGB.

    Raises:
        ValueError: the file is missing, empty, damaged or no image; the message names it.
    """
    return as_tensor(open_photograph(path), colour=colour)


def as_tensor(photograph: Image.Image, *, colour: bool | None = None) -> Tensor:
    """A PIL image as ``open_photograph`` and ``eight_bit`` give them, as uint8 (C, H, W); ``colour`` as above."""
    if colour is not None:
        photograph = photograph.convert("RGB" if colour else "L")
    pixels = np.array(photograph)
    if pixels.ndim == 2:
        return torch.from_numpy(pixels)[None]
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def face_folder(
    path: Path | str, *, size: tuple[int, int] | None = None, colour: bool = True, source: str | None = None
) -> ImageSet:
    """Read ``IDENTITY/IMAGE`` files: each folder inside ``path`` is one person.

    Identities and their images come in alphabetical order. Files that are no images by their suffix, and hidden ones,
    are passed over and counted in ``source``.

    Args:
        path: the folder.
        size: (height, width) to scale every image to; None expects them to have one size already.
        colour: True for 3 channels, False for 1.
        source: credit line; the folder's path by default.

    Raises:
        FileNotFoundError: there is no such folder, or it holds no identity with an image.
        ValueError: an image is empty or damaged, an identity's folder holds none, or sizes differ; the file is named.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not a folder; expected one folder per identity with images inside")
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    files: list[Path] = []
    labels: list[int] = []
    passed_over = 0
    for label, folder in enumerate(folders):
        entries = sorted(entry for entry in folder.iterdir() if entry.is_file())
        images = [e for e in entries if e.suffix.lower() in IMAGE_SUFFIXES and not e.name.startswith(".")]
        if not images:
            raise ValueError(f"{folder} holds no image; expected at least one ({', '.join(sorted(IMAGE_SUFFIXES))})")
        passed_over += len(entries) - len(images)
        files += images
        labels += [label] * len(images)
    if not files:
        raise FileNotFoundError(f"{path} holds no identity; expected folders IDENTITY/IMAGE.jpg inside it")
    credit = source or str(path)
    if passed_over:
        credit += f" ({passed_over} files that are no images passed over)"
    images = read_photographs(files, size=size, colour=colour)
    return ImageSet(images, torch.tensor(labels), tuple(folder.name for folder in folders), credit)


def read_photographs(
    files: list[Path], *, size: tuple[int, int] | None, colour: bool, crop: tuple[int, int, int] | None = None
) -> Tensor:
    """Read files in parallel to one uint8 (N, C, H, W) tensor, each first cropped, then scaled.

    Args:
        files: at least one.
        size: (height, width) in pixels, or None to expect one size of all.
        colour: True for 3 channels, False for 1.
        crop: (top, left, side) in pixels of a square to cut out, or None.

    Raises:
        ValueError: a file cannot be read, is too small for the crop, or has another size than the first; it is named.
    """
    first = read_prepared(files[0], size, colour, crop)
    images = torch.empty((len(files), *first.shape), dtype=torch.uint8)

    def place(index: int) -> None:
        image = read_prepared(files[index], size, colour, crop)
        if image.shape != first.shape:
            raise ValueError(
                f"{files[index]} is {image.shape[1]}x{image.shape[2]}, but {files[0]} is "
                f"{first.shape[1]}x{first.shape[2]}; expected one size. Pass size=(height, width) to scale them"
            )
        images[index] = image

    with ThreadPoolExecutor() as pool:
        list(pool.map(place, range(len(files))))
    return images


def read_prepared(
    path: Path, size: tuple[int, int] | None, colour: bool, crop: tuple[int, int, int] | None = None
) -> Tensor:
    """One of ``read_photographs``."""
    image = read_photograph(path, colour=colour)
    if crop is not None:
        top, left, side = crop
        height, width = image.shape[1:]
        if top + side > height or left + side > width:
            raise ValueError(
                f"{path} is {height}x{width}, too small for the crop of {side} pixels from row {top} and column {left}"
            )
        image = image[:, top : top + side, left : left + side]
    return image if size is None else resize(image, *size)
