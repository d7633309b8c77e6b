"""Labelled Faces in the Wild: its photographs and its published lists of pairs (Huang et al. 2007)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from course_lib.alignment.crop_names import plain_name
from course_lib.alignment.crop_record import recorded
from course_lib.alignment.photograph import IMAGE_SUFFIXES
from course_lib.data.container import ImageSet
from course_lib.data.pairs import Pairs
from course_lib.data.photographs import PassedOver, identities, images_in, in_words, read_photographs
from course_lib.data.text_lines import shown, text_lines
from course_lib.paths import data_folder, expanded

IMAGE_FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw")
VIEW_FILES = {"dev_train": "pairsDevTrain.txt", "dev_test": "pairsDevTest.txt", "view2": "pairs.txt"}
LFW_SOURCE = "Labelled Faces in the Wild, Huang et al. 2007, University of Massachusetts"


# (top, left, side): measured on the mean of 400 deep-funneled photographs, whose eyes this square puts where the usual
# 112x112 template has them.
FACE_SQUARE = (55, 65, 120)


def lfw(
    root: Path | str | None = None,
    *,
    crop: tuple[int, int, int] | None = FACE_SQUARE,
    size: tuple[int, int] = (112, 112),
    colour: bool = True,
) -> ImageSet:
    """All LFW photographs below ``root``, NAME/NAME_0001.jpg, in alphabetical order.

    The photographs are 250x250, roughly aligned by their publishers. The square ``crop`` is cut out of each (None: all
    of it is kept) and scaled to ``size``: a crude alignment, the same for everyone. What is not read stands in
    ``passed_over`` of the set and is counted in its ``source``, as by ``face_folder``.

    Args:
        root: the folder that holds ``lfw-deepfunneled``, ``lfw_funneled`` or ``lfw``; by default ``lfw`` in the data
            folder.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: a photograph is empty or damaged; the message names it.
    """
    files, passed_over = _files_and_others(root)
    folder = files[0].parent.parent
    names = sorted({file.parent.name for file in files})
    label_of = {name: label for label, name in enumerate(names)}
    images = read_photographs(files, size=size, colour=colour, crop=crop)
    labels = torch.tensor([label_of[file.parent.name] for file in files])
    source = f"{LFW_SOURCE}; {folder.name}{in_words(passed_over)}"
    return ImageSet(images, labels, tuple(names), source, tuple(passed_over))


def lfw_pairs(root: Path | str | None = None, *, view: str = "dev_test") -> Pairs:
    """A published list of pairs, as indices into ``lfw(root).images``.

    Args:
        view: ``"dev_train"`` and ``"dev_test"`` are View 1, for developing; ``"view2"`` is the list of 6,000 that
            papers report, in its ten folds one after the other.

    Raises:
        FileNotFoundError: the list is not there.
        ValueError: a line is malformed or names a photograph that is not there; the file and line are named.
    """
    return read_lfw_list(view_file(root, view), lfw_files(root))


def view_file(root: Path | str | None, view: str) -> Path:
    """The file of a published list; raises as ``lfw_pairs`` does."""
    if view not in VIEW_FILES:
        raise ValueError(f"view {view!r} is not known; expected one of {', '.join(VIEW_FILES)}")
    path = _root(root) / VIEW_FILES[view]
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; fetch it with: python data_scripts/get_lfw.py")
    return path


def lfw_files(root: Path | str | None = None) -> list[Path]:
    """The files of ``lfw(root).images``, in their order.

    Raises:
        FileNotFoundError: no such folder, or no photograph in it.
    """
    return _files_and_others(root)[0]


def _files_and_others(root: Path | str | None) -> tuple[list[Path], PassedOver]:
    folder = _image_folder(_root(root))
    files, others = _listed(folder)
    if not files:
        raise FileNotFoundError(f"{folder} holds no NAME/NAME_0001.jpg; fetch LFW with: python data_scripts/get_lfw.py")
    return files, others


def photographs_of_people(folder: Path) -> list[Path]:
    """The images ``folder``/NAME/IMAGE by their suffix, in alphabetical order: photographs, or crops of them."""
    return _listed(folder)[0] if os.path.isdir(folder) else []


def _listed(folder: Path) -> tuple[list[Path], PassedOver]:
    """The images of all people, and what lies beside and among them."""
    people, passed_over = identities(folder)
    files: list[Path] = []
    for person in people:
        images, others = images_in(person)
        files += images or []
        passed_over += others
    return files, passed_over


def read_lfw_list(path: Path, files: Sequence[Path]) -> Pairs:
    """A list in LFW's format, as indices into ``files``, which are NAME/NAME_0001.jpg or crops of those.

    Raises:
        ValueError: as ``lfw_pairs``.
    """
    return lfw_listed(path, files, None)[1]


def lfw_listed(path: Path, files: Sequence[Path], folder: Path | None) -> tuple[list[Path], Pairs]:
    """A list in LFW's format: ``files``, followed by those that it names and that are missing, and the pairs of them.

    A photograph NAME 1 is any of ``files`` that ``crop_names.plain_name`` calls NAME_0001, in the folder NAME: as it
    was published, or a crop of it, by the photograph's name in the record beside the crops or else by its own. A
    missing one is called ``folder``/NAME/NAME_0001.jpg, so that whoever reads it can refuse or exclude it; None refuses
    it here.

    Raises:
        ValueError: a line is malformed, names what is missing, or two files have the name of one photograph; or the
            record of the crops is damaged.
    """
    lines = _lines(path)
    numbers = [
        (numbered, _parse(line, f"{path}, line {numbered}"))
        for numbered, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]
    _check_count(lines[0] if lines else "", len(numbers), path)
    if not numbers:
        raise ValueError(f"{path} holds no pair; fetch it again")
    every = list(files)
    index_of: dict[tuple[str, str], int] = {}
    doubled: dict[tuple[str, str], Path] = {}
    photograph_of = {crop: photograph for photograph, crop in recorded({file.parent.parent for file in files}).items()}
    for index, file in enumerate(every):
        photograph = photograph_of.get(file, file)
        name = (plain_name(photograph.parent.name), plain_name(photograph.name))
        if index_of.setdefault(name, index) != index:
            doubled[name] = file
    rows = []
    for line, (left, right) in numbers:
        for name, number in (left, right):
            key = _key(name, number)
            if key in doubled:
                raise ValueError(
                    f"{path}, line {line}: {every[index_of[key]]} and {doubled[key]} are both called {key[1]};"
                    " leave one of them"
                )
            if key not in index_of and folder is None:
                raise ValueError(
                    f"{path}, line {line}: the photograph {key[1]}.jpg is not there; looked for {name}/{key[1]} with"
                    f" {', '.join(sorted(IMAGE_SUFFIXES))}{_beside(files)}. Fetch LFW with get_lfw.py again"
                )
            if key not in index_of and folder is not None:
                index_of[key] = len(every)
                every.append(folder / name / f"{name}_{number:04d}.jpg")
        rows.append((index_of[_key(*left)], index_of[_key(*right)], left[0] == right[0]))
    first, second, same = (np.array(column) for column in zip(*rows, strict=True))
    return every, Pairs(first, second, same)


def _beside(files: Sequence[Path]) -> str:
    return f" in {files[0].parent.parent}" if files else ", and there is no photograph at all"


def _key(name: str, number: int) -> tuple[str, str]:
    return plain_name(name), plain_name(f"{name}_{number:04d}")


def _lines(path: Path) -> list[str]:
    try:
        return text_lines(path)
    except ValueError as error:
        raise ValueError(f"{error}; expected a list of pairs. Fetch it again") from error


def _parse(line: str, where: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """Both photographs of ``NAME i j``, a genuine pair, or ``NAME i OTHER j``, an impostor pair."""
    fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
    if len(fields) == 3:
        fields = [fields[0], fields[1], fields[0], fields[2]]
    elif len(fields) != 4:
        raise ValueError(f"{where}: {shown(line)} has {len(fields)} fields; expected NAME i j, or NAME i OTHER j")
    for number in (fields[1], fields[3]):
        if not _is_number(number):
            raise ValueError(f"{where}: {shown(number)} is not an image number; expected NAME i j, or NAME i OTHER j")
    return (fields[0], int(fields[1])), (fields[2], int(fields[3]))


def _check_count(header: str, found: int, path: Path) -> None:
    """The first line says how many pairs follow: ``n`` genuine and n impostor, or ``folds n``."""
    fields = header.split()
    if not 1 <= len(fields) <= 2 or not all(map(_is_number, fields)):
        raise ValueError(
            f"{path}, line 1: {shown(header)}; expected the number of pairs, such as 500, or folds and pairs, such as"
            " 10 300"
        )
    expected = 2 * int(fields[-1]) * (int(fields[0]) if len(fields) == 2 else 1)
    if found != expected:
        raise ValueError(f"{path} holds {found} pairs, but its first line announces {expected}; fetch it again")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _root(root: Path | str | None) -> Path:
    return expanded(root) if root is not None else data_folder() / "lfw"


def _image_folder(root: Path) -> Path:
    for name in IMAGE_FOLDERS:
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(
        f"{root} holds none of the folders {', '.join(IMAGE_FOLDERS)}; fetch LFW with: python data_scripts/get_lfw.py"
    )
