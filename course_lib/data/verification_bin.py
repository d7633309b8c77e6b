"""InsightFace's ``.bin`` files of verification sets: LFW, CALFW, CPLFW, AgeDB-30, CFP-FP, aligned to 112x112."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from course_lib.alignment.photograph import UnreadableError
from course_lib.data.growing import GrowingImages
from course_lib.data.paired_faces import OnError, PairedFaces, check_on_error, keep_readable
from course_lib.data.pairs import Pairs
from course_lib.data.photographs import read_prepared
from course_lib.data.plain_pickle import ArrayBytes, read_plain
from course_lib.limits import MAX_BIN_BYTES
from course_lib.paths import expanded
from course_lib.progress import Progress
from course_lib.stand_ins import refuse_stand_in


def read_bin(
    path: Path | str, size: tuple[int, int] = (112, 112), *, colour: bool = True, on_error: OnError = "refuse"
) -> PairedFaces:
    """Read a pickle of (encoded images, two a pair; booleans, one a pair: the same person?) without running it.

    Images with the same bytes are kept once: LFW's 12,000 are 7,701 photographs. What the file holds is limited by
    ``MAX_BIN_BYTES`` of ``course_lib.limits``, which an environment variable raises.

    Args:
        path: the file. Python 2 or 3 may have written it, by any protocol from 0 to 5. The images, in a list or tuple,
            are bytes, bytearrays, Python 2's strings or NumPy arrays of bytes; the labels, in a list, tuple or NumPy
            array, are truth values, Python's or NumPy's, or 0 and 1.
        size: (height, width) that images of another size are scaled to.
        colour: True for 3 channels, False for 1.
        on_error: what to do where an image cannot be decoded: ``"refuse"`` the file, or ``"exclude"`` the image and
            the pairs it is in.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the pickle holds code, is truncated, too large, or holds something else; there is not one label for
            two images; or an image cannot be decoded and ``on_error`` is ``"refuse"``. The message names file and
            index.
    """
    check_on_error(on_error)
    path = expanded(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected a .bin file of InsightFace's verification sets")
    try:
        encoded, same = _parts(read_plain(_content(path)))
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


def _content(path: Path) -> bytes:
    refuse_stand_in(path)
    length = path.stat().st_size
    if length > MAX_BIN_BYTES.value:
        raise ValueError(
            f"it has {length:,} bytes; expected at most {MAX_BIN_BYTES.value:,}. Allow more by the environment "
            f"variable {MAX_BIN_BYTES.variable}"
        )
    return path.read_bytes()


def _parts(value: Any) -> tuple[list[bytes], np.ndarray]:
    """The encoded images and the labels (P,) bool, or a ValueError."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"it holds {_described(value)}, not two lists")
    images, labels = value
    if not isinstance(images, (list, tuple)) or not isinstance(labels, (list, tuple, ArrayBytes)):
        raise ValueError(f"it holds {_described(images)} and {_described(labels)}, not two lists")
    content = [_image_bytes(index, image) for index, image in enumerate(images)]
    same = _label_array(labels) if isinstance(labels, ArrayBytes) else _label_list(labels)
    if len(images) % 2:
        raise ValueError(f"it holds {len(images)} images, an odd number")
    if len(images) != 2 * len(same):
        raise ValueError(f"it holds {len(images)} images, which are {len(images) // 2} pairs, but {len(same)} labels")
    if not len(same):
        raise ValueError("it holds no pair")
    return content, same


def _image_bytes(index: int, image: Any) -> bytes:
    if isinstance(image, ArrayBytes) and (image.code != "u1" or max(image.shape, default=1) != len(image)):
        shape = "x".join(map(str, image.shape))
        raise ValueError(f"image {index} is a NumPy array of {image.code}, {shape}, not the bytes of an encoded image")
    if not isinstance(image, (bytes, bytearray, ArrayBytes)):
        raise ValueError(f"image {index} is of type {type(image).__name__}, not bytes")
    return bytes(image)


def _label_list(labels: Sequence[Any]) -> np.ndarray:
    for index, label in enumerate(labels):
        if isinstance(label, ArrayBytes):  # a truth value of NumPy's
            wrong = len(label.shape) > 0 or label.numbers() not in (0, 1)
        else:
            wrong = type(label) not in (bool, int) or label not in (0, 1)
        if wrong:
            other = " other than 0 and 1" if type(label) is int else ""
            raise ValueError(f"label {index} is {_described(label)}{other}, not a boolean")
    return np.array([bool(label.numbers()) if isinstance(label, ArrayBytes) else label for label in labels], dtype=bool)


def _label_array(labels: ArrayBytes) -> np.ndarray:
    numbers = labels.numbers()
    wrong = np.flatnonzero((numbers != 0) & (numbers != 1))
    if numbers.ndim != 1 or len(wrong):
        where = f", whose label {wrong[0]} is neither 0 nor 1" if len(wrong) else ""
        shape = "x".join(map(str, labels.shape))
        raise ValueError(
            f"the labels are a NumPy array of {labels.code}, {shape}{where}; expected booleans, one a pair"
        )
    return numbers.astype(bool)


def _described(value: Any) -> str:
    """The type of a value and its length; never the value, which may be endless to print."""
    name = "NumPy array" if isinstance(value, ArrayBytes) else type(value).__name__
    article = "an" if name[0] in "aeiou" else "a"
    return f"{article} {name}" + (f" of {len(value):,}" if isinstance(value, Sized) else "")


def _decode(encoded: list[bytes], size: tuple[int, int], colour: bool) -> tuple[Tensor | None, dict[int, str]]:
    """All images that can be decoded, uint8 (N, C, H, W), and why the others cannot."""
    images = GrowingImages(len(encoded))
    problems: dict[int, str] = {}
    decoded = Progress(_in_parallel(encoded, size, colour), desc="decoding", total=len(encoded), unit="image", delay=1)
    for index, image in enumerate(decoded):
        if isinstance(image, Tensor):
            images.append(image)
        else:
            problems[index] = image
    return images.tensor() if len(images) else None, problems


def _in_parallel(encoded: list[bytes], size: tuple[int, int], colour: bool) -> Iterator[Tensor | str]:
    def read(raw: bytes) -> Tensor | str:
        try:
            return read_prepared(raw, size, colour, name="it")
        except UnreadableError as error:
            return f"no image can be decoded from its {len(raw):,} bytes ({error})"

    with ThreadPoolExecutor() as pool:
        yield from pool.map(read, encoded)
