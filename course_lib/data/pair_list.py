"""Lists of pairs of photographs on disk, in the formats that verification sets come in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_lib.alignment.crop_names import found_as
from course_lib.alignment.crop_record import recorded
from course_lib.alignment.junk import is_junk
from course_lib.data.lfw import VIEW_FILES, lfw_files, lfw_listed, photographs_of_people, view_file
from course_lib.data.pairs import Pairs
from course_lib.data.text_lines import fields_of, shown, text_lines
from course_lib.paths import expanded

FORMATS = "A B 1, 1 A B, two lines 'A 1' and 'B 1' a pair, or LFW's list with its numbers of pairs in the first line"


@dataclass(frozen=True)
class PairList:
    """Photographs and the pairs among them.

    Attributes:
        files: each photograph once.
        pairs: indices into ``files``, in the order of the list.
        identities: of the files, or None where the list does not tell.
        source: where the list comes from.
    """

    files: tuple[Path, ...]
    pairs: Pairs
    identities: tuple[str, ...] | None
    source: str

    def __repr__(self) -> str:
        named = "no identities" if self.identities is None else f"{len(set(self.identities)):,} identities"
        return f"PairList({self.pairs!r}, {len(self.files):,} photographs, {named})"


def pair_list(path: Path | str, root: Path | str | None = None) -> PairList:
    """Read a list of pairs. Its format is told from its lines; empty ones are passed over.

    - ``A B 1``, or ``1 A B``: two photographs, 1 for the same person and 0 for different ones. Fields are separated by
      tabs, else by commas, else by spaces; one in double quotes may hold these. A first line ``left,right,same`` is a
      heading.
    - CALFW's and CPLFW's: a pair is two lines ``A 1`` and ``B 1``; 0 means different people, and any other number, the
      same person. The photographs lie flat in one folder.
    - LFW's: numbers of pairs, then ``NAME i j`` and ``NAME i OTHER j``; see ``lfw_pairs``.

    A list of photographs reads crops of them as well: where ``A.jpg`` is missing, its crop by the record that
    ``align_folder`` keeps is taken, or else ``A.jpg.png`` or ``A.png``.

    Args:
        path: of the list.
        root: the folder that photographs are named below; that of the list by default.

    Raises:
        FileNotFoundError: no such list.
        ValueError: a line is malformed (it is named), or the list holds no pair; the record of the crops is damaged,
            or a photograph has the name of another's crop.
    """
    path = expanded(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected a list of pairs: {FORMATS}")
    root = expanded(root) if root is not None else path.parent
    lines = _lines(path)
    if lines and [field.lower() for field in lines[0][1]] == ["left", "right", "same"]:
        lines = lines[1:]
    if not lines:
        raise ValueError(f"{path} holds no pair; expected {FORMATS}")
    first = lines[0][1]
    if len(first) <= 2 and all(field.isdecimal() for field in first):
        if len(lines) == 1:
            raise ValueError(f"{path} holds no pair after its first line; expected {FORMATS}")
        files = photographs_of_people(root)
        return _lfw_list(path, files, root if files else None, str(path))
    rows = _two_lines(path, lines) if len(first) == 2 else _one_line(path, lines)
    left, right, same = zip(*rows, strict=True)
    names = list(dict.fromkeys(name for pair in zip(left, right, strict=True) for name in pair))
    files = {name: _below(root, name) for name in names}
    index_of: dict[str, int] = {}
    index_of_name = {name: index_of.setdefault(_place(file), len(index_of)) for name, file in files.items()}
    once = {index_of_name[name]: file for name, file in reversed(files.items())}
    pairs = Pairs(
        np.array([index_of_name[name] for name in left], dtype=np.int64),
        np.array([index_of_name[name] for name in right], dtype=np.int64),
        np.array(same, dtype=bool),
    )
    return PairList(tuple(_photographs_or_crops([once[i] for i in range(len(once))])), pairs, None, str(path))


def _below(root: Path, name: str) -> Path:
    """The photograph that a list names; one that is missing is also looked for as Windows writes folders."""
    file = root / (expanded(name) if name[0] == "~" else name)
    windows = root / name.replace("\\", "/")
    return windows if "\\" in name and not os.path.lexists(file) else file


def _place(file: Path) -> str:
    """Equal for two ways of writing one place, such as ``a.jpg`` and ``b/../a.jpg``, and for a link to it."""
    try:
        return os.path.realpath(file)
    except (OSError, ValueError):  # ValueError: a name with a zero character
        return str(file)


def lfw_list(root: Path | str | None = None, *, view: str = "dev_test") -> PairList:
    """The photographs of LFW that a published list names, and its pairs; see ``lfw_pairs`` for views and errors.

    A photograph that is missing is listed all the same: ``read_pairs`` refuses or excludes it, by ``on_error``.
    """
    path, files = view_file(root, view), lfw_files(root)
    return _lfw_list(path, files, files[0].parent.parent, f"Labelled Faces in the Wild, {VIEW_FILES[view]}")


def _lfw_list(path: Path, files: Sequence[Path], folder: Path | None, source: str) -> PairList:
    return _used(*lfw_listed(path, files, folder), source)


def _photographs_or_crops(files: Sequence[Path]) -> list[Path]:
    """Each file, or in place of one that is missing its crop, where no other file is that.

    The crop is what the record of the crops says (see ``recorded``), else what its name says (see ``found_as``).
    """
    told, crops = recorded({file.parent for file in files}), {}
    untold: dict[Path, list[str]] = {}
    for file in files:
        there, crop = os.path.isfile(file), told.get(file, file)
        if there and crop != file:
            raise ValueError(
                f"{file} is no crop of the photograph of that name, which is {crop.name}; align the photographs into an"
                " empty folder, where no crop is called as another's photograph"
            )
        if file in told:
            crops |= {file: crop} if os.path.isfile(crop) else {}
        elif not there:
            untold.setdefault(file.parent, []).append(file.name)
    for folder, photographs in untold.items():
        by_name = found_as(photographs, _names(folder))
        crops |= {folder / photograph: folder / crop for photograph, crop in by_name.items()}
    claims = Counter(crops.get(file, file) for file in files)
    return [crops[file] if file in crops and claims[crops[file]] == 1 else file for file in files]


def _names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not is_junk(name)]
    except (OSError, ValueError):  # ValueError: a name with a zero character
        return []


def _used(files: Sequence[Path], pairs: Pairs, source: str) -> PairList:
    """Only the files that a pair names; the folder of each is its identity."""
    used, where = np.unique(np.concatenate([pairs.left, pairs.right]), return_inverse=True)
    left, right = where.reshape(2, -1)
    chosen = tuple(files[index] for index in used)
    return PairList(chosen, Pairs(left, right, pairs.same), tuple(file.parent.name for file in chosen), source)


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """The lines that are not empty, by their number, in fields."""
    try:
        texts = text_lines(path)
    except ValueError as error:
        raise ValueError(f"{error}; expected a list of pairs: {FORMATS}") from error
    lines = []
    for number, text in enumerate(texts, start=1):
        try:
            lines += [(number, fields_of(text))] if text.strip() else []
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}; expected {FORMATS}") from error
    return lines


def _one_line(path: Path, lines: list[tuple[int, list[str]]]) -> list[tuple[str, str, bool]]:
    """``A B 1``, or ``1 A B`` where the first field of every line is 0 or 1 and the last is not."""
    for number, fields in lines:
        if len(fields) != 3 or not all(fields):
            raise ValueError(
                f"{path}, line {number}: {shown(' '.join(fields))} has {len(fields)} fields; expected {FORMATS}"
            )
    first_is_label = all(fields[0] in ("0", "1") for _, fields in lines) and any(
        f[2] not in ("0", "1") for _, f in lines
    )
    rows = []
    for number, fields in lines:
        left, right, label = (*fields[1:], fields[0]) if first_is_label else fields
        if label not in ("0", "1"):
            raise ValueError(
                f"{path}, line {number}: {shown(label)} is no label; expected 1, the same person, or 0: {FORMATS}"
            )
        rows.append((left, right, label == "1"))
    return rows


def _two_lines(path: Path, lines: list[tuple[int, list[str]]]) -> list[tuple[str, str, bool]]:
    """``A 3`` and ``B 3``."""
    for number, fields in lines:
        if len(fields) != 2 or not fields[0] or not fields[1].isdecimal() or len(fields[1]) > 9:
            raise ValueError(f"{path}, line {number}: {shown(' '.join(fields))}; expected a photograph and a number")
    if len(lines) % 2:
        raise ValueError(f"{path} holds {len(lines)} lines, an odd number; expected two lines a pair")
    rows = []
    for (_, (left, label)), (number, (right, other)) in zip(lines[0::2], lines[1::2], strict=True):
        if label != other:
            raise ValueError(f"{path}, line {number}: {other}, but {label} in the line before; expected one for both")
        rows.append((left, right, int(label) > 0))
    return rows
