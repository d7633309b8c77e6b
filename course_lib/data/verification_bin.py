"""InsightFace's ``.bin`` files of verification sets: LFW, CALFW, CPLFW, AgeDB-30, CFP-FP, aligned to 112x112."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from course_lib.alignment.photograph import eight_bit
from course_lib.data.paired_faces import OnError, PairedFaces, check_on_error, keep_readable
from course_lib.data.pairs import Pairs
from course_lib.data.photographs import as_tensor
from course_lib.data.plain_pickle import ArrayBytes, read_plain
from course_lib.data.resizing import resize


def read_bin(
    path: Path | str, size: tuple[int, int] = (112, 112), *, colour: bool = True, on_error: OnError = "refuse"
) -> PairedFaces:
    """Read a pickle of (encoded images, two a pair; booleans, one a pair: the same person?) without running it.

    Images with the same bytes are kept once: LFW's 12,000 are 7,701 photographs.

    Args:
        path: the file. Python 2 or 3 may have written it; the images are bytes, or NumPy arrays of bytes.
        size: (height, width) that images of another size are scaled to.
        colour: True for 3 channels, False for 1.
        on_error: what to do where an image cannot be decoded: ``"refuse"`` the file, or ``"exclude"`` the image and
            the pairs it is in.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the pickle holds code, is truncated, or holds something else; there is not one label for two
            images; or an image cannot be decoded and ``on_error`` is ``"refuse"``. The message names file and index.
    """
    check_on_error(on_error)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected a .bin file of InsightFace's verification sets")
    try:
        encoded, same = _parts(read_plain(path.read_bytes()))
    except ValueError as error:
        raise ValueError(
            f"{path} is no verification set: {error}. Nothing in it was run. Expected a pickle of a list of encoded "
            "images, two a pair, and a list of booleans, one a pair"
        ) from error
    number_of = {raw: number for number, raw in enumerate(dict.fromkeys(encoded))}
    numbers = np.array([number_of[raw] for raw in encoded], dtype=np.int64)
    first = np.unique(numbers, return_index=True)[1]  # numbers count up in the order images first come
    images, problems = _decode(list(number_of), size, colour)
    names = [f"image {index}" for index in first]
    pairs = Pairs(numbers[0::2], numbers[1::2], same)
    return keep_readable(images, problems, names, pairs, source=str(path), on_error=on_error)


def _parts(value: Any) -> tuple[list[bytes], np.ndarray]:
    """The encoded images and the labels (P,) bool, or a ValueError."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(isinstance(p, (list, tuple)) for p in value):
        kind = f"{type(value).__name__} of {len(value)}" if isinstance(value, (tuple, list)) else type(value).__name__
        raise ValueError(f"it holds a {kind}, not two lists")
    images, labels = value
    for index, image in enumerate(images):
        if not isinstance(image, (bytes, bytearray, ArrayBytes)):
            raise ValueError(f"image {index} is of type {type(image).__name__}, not bytes")
    for index, label in enumerate(labels):
        if type(label) not in (bool, int) or label not in (0, 1):
            raise ValueError(f"label {index} is {label!r:.40}, not a boolean")
    if len(images) % 2:
        raise ValueError(f"it holds {len(images)} images, an odd number")
    if len(images) != 2 * len(labels):
        raise ValueError(f"it holds {len(images)} images, which are {len(images) // 2} pairs, but {len(labels)} labels")
    if not labels:
        raise ValueError("it holds no pair")
    return [bytes(image) for image in images], np.array(labels, dtype=bool)


def _decode(encoded: list[bytes], size: tuple[int, int], colour: bool) -> tuple[Tensor, dict[int, str]]:
    """All images, uint8 (N, C, H, W), and why some cannot be decoded."""
    images = torch.zeros((len(encoded), 3 if colour else 1, *size), dtype=torch.uint8)
    problems: dict[int, str] = {}

    def place(index: int) -> None:
        try:
            with Image.open(BytesIO(encoded[index])) as file:
                image = as_tensor(eight_bit(file), colour=colour)
        except Exception as error:  # decoders raise whatever damaged bytes lead them to
            problems[index] = f"no image can be decoded from its {len(encoded[index]):,} bytes ({_first_line(error)})"
            return
        images[index] = resize(image, *size)

    with ThreadPoolExecutor() as pool:
        list(tqdm(pool.map(place, range(len(encoded))), total=len(encoded), unit="image", disable=None))
    return images, problems


def _first_line(error: Exception) -> str:
    """PIL names an object in memory, whose address would differ from run to run."""
    return str(error).split(" <")[0].splitlines()[0] if str(error) else type(error).__name__
