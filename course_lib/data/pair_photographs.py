"""The photographs of a list of pairs as faces: read as they are, or found by a detector and aligned."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from course_lib.alignment.align import Choice, align_many, check_choice, each_or_error
from course_lib.alignment.detector import Detector
from course_lib.alignment.found_faces import Described, Remembering
from course_lib.alignment.photograph import UnreadableError, as_rgb
from course_lib.data.growing import GrowingImages
from course_lib.data.pair_list import PairList
from course_lib.data.paired_faces import OnError, PairedFaces, check_on_error, keep_readable
from course_lib.data.photographs import as_tensor, read_prepared
from course_lib.progress import Progress

Faces = Generator[Tensor | str, None, None]  # of each file its face, or why there is none
NO_FACE = "the detector finds no face in it"
AT_ONCE, PIXELS_AT_ONCE = 16, 20_000_000  # photographs, and their pixels, in one call of the detector


def read_pairs(
    listed: PairList,
    *,
    size: tuple[int, int] = (112, 112),
    colour: bool = True,
    detector: Detector | None = None,
    choose: Choice = "largest",
    crop: tuple[int, int, int] | None = None,
    on_error: OnError | None = None,
    remember: bool = True,
) -> PairedFaces:
    """Read the photographs of ``pair_list`` or ``lfw_list``, with a progress bar.

    A pair that is excluded is not scored: all figures are of the pairs that are left, and folds are made of those.
    Published figures are of every pair, so the number that was excluded belongs beside a figure that is compared with
    them; ``PairedFaces.excluded`` names the photographs.

    Args:
        listed: photographs and pairs.
        size: (height, width) of the faces.
        colour: True for 3 channels, False for 1.
        detector: finds the face in each photograph, which is then aligned; None takes the photographs as they are,
            aligned already.
        choose: which of several faces, see ``alignment.align``; LFW's photographs ask for ``"central"``.
        crop: (top, left, side) of a square to cut out of each photograph, where there is no detector.
        on_error: what to do where a photograph is missing, cannot be read or has no face: ``"refuse"`` the list at the
            first one, or ``"exclude"`` the photograph and the pairs it is in. None excludes those in which the
            detector finds no face, and refuses the others: those can be mended.
        remember: keep what the detector finds in the data folder, see ``Remembering``: the next reading is quick. It
            is done for detectors that say what they depend on, such as ``MTCNN`` and ``RetinaFace``.

    Raises:
        ValueError: a photograph cannot be used and is not to be excluded (it is named); or a crop is given with a
            detector.
    """
    if on_error is not None:
        check_on_error(on_error)
    check_choice(choose)
    if detector is not None and crop is not None:
        raise ValueError("a crop is given with a detector, which finds the face itself; give one of the two")
    images: Tensor | None = None
    problems = {i: "there is no such file" for i, file in enumerate(listed.files) if not os.path.isfile(file)}
    there = [index for index in range(len(listed.files)) if index not in problems]
    if there and (on_error == "exclude" or not problems):
        files = [listed.files[index] for index in there]
        if detector is None:
            faces = _as_they_are(files, size, colour, crop)
        else:
            asked = Remembering(detector) if remember and isinstance(detector, Described) else detector
            faces = _aligned(files, size, colour, asked, choose)
        images = _collected(faces, there, problems, on_error)
    refused = {index: reason for index, reason in problems.items() if _refuses(on_error, reason)}
    return keep_readable(
        images,
        refused or problems,
        [str(file) for file in listed.files],
        listed.pairs,
        source=listed.source,
        identities=listed.identities,
        on_error="refuse" if refused else "exclude",
    )


def _refuses(on_error: OnError | None, reason: str) -> bool:
    return on_error == "refuse" or (on_error is None and reason != NO_FACE)


def _collected(faces: Faces, there: list[int], problems: dict[int, str], on_error: OnError | None) -> Tensor | None:
    """The faces in their order, and each reason under its number; stops at the first that is to be refused."""
    images = GrowingImages(len(there))
    bar = Progress(faces, desc="reading faces", total=len(there), unit="photograph")
    for face, index in zip(bar, there, strict=False):
        if isinstance(face, Tensor):
            images.append(face)
            continue
        problems[index] = face
        if _refuses(on_error, face):
            break
    bar.close()
    faces.close()
    return images.tensor() if len(images) else None


def _as_they_are(files: list[Path], size: tuple[int, int], colour: bool, crop: tuple[int, int, int] | None) -> Faces:
    def read(file: Path) -> Tensor | str:
        try:
            return read_prepared(file, size, colour, crop)
        except ValueError as error:
            return str(error)

    pool = ThreadPoolExecutor()
    try:
        yield from pool.map(read, files)
    finally:
        pool.shutdown(cancel_futures=True)


def _aligned(files: list[Path], size: tuple[int, int], colour: bool, detector: Detector, choose: Choice) -> Faces:
    waiting: list[np.ndarray | str] = []
    for number, file in enumerate(files, start=1):
        try:
            waiting.append(as_rgb(file))
        except UnreadableError as error:
            waiting.append(str(error))
        pixels = sum(photograph.size // 3 for photograph in waiting if isinstance(photograph, np.ndarray))
        if number == len(files) or len(waiting) == AT_ONCE or pixels > PIXELS_AT_ONCE:
            yield from _align_some(waiting, size, colour, detector, choose)
            waiting = []


def _align_some(
    photographs: list[np.ndarray | str], size: tuple[int, int], colour: bool, detector: Detector, choose: Choice
) -> Iterator[Tensor | str]:
    align_some = partial(align_many, detector=detector, size=size, choose=choose)
    crops = iter(each_or_error(align_some, [p for p in photographs if isinstance(p, np.ndarray)]))
    for photograph in photographs:
        if isinstance(photograph, str):
            yield photograph
            continue
        crop = next(crops)
        if isinstance(crop, Exception):
            yield f"its face cannot be aligned ({crop})"
        else:
            yield NO_FACE if crop is None else as_tensor(Image.fromarray(crop.image), colour=colour)
