"""A folder tree of photographs as it lies on the disk: what is to be aligned, and by name all that is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.alignment.junk import is_junk
from course_lib.alignment.photograph import IMAGE_SUFFIXES

SETTINGS = "alignment.json"  # marks a folder of crops
OTHER_FILE, HIDDEN, NOT_LISTED, SEEN, CROPS = "other file", "hidden", "not listed", "seen before", "crops"


@dataclass(frozen=True)
class Problem:
    """A photograph without a crop, or what else was passed over: its path below the source, of what kind, and why."""

    file: str
    problem: str
    reason: str


@dataclass(frozen=True)
class Tree:
    """What lies below a folder.

    Attributes:
        photographs: paths with ``/`` below the folder, in order: images by their suffix.
        folders: the same of every folder that was looked into; the first is ``.``.
        unlisted: folders that cannot be listed.
        passed_over: other files, hidden ones, folders reached before by another link, and folders of crops.
    """

    photographs: tuple[str, ...]
    folders: tuple[str, ...]
    unlisted: tuple[Problem, ...]
    passed_over: tuple[Problem, ...]

    def __repr__(self) -> str:
        more = f"{len(self.unlisted):,} not listed, {len(self.passed_over):,} passed over"
        return f"Tree({len(self.photographs):,} photographs in {len(self.folders):,} folders, {more})"


def tree(source: Path, target: Path) -> Tree:
    """Look through ``source``, without ``target`` where that lies inside.

    Links to folders are followed, each folder once: a link may lead back to where it stands. What systems leave behind
    (see ``is_junk``) is not there.

    Raises:
        OSError: ``source`` itself cannot be listed.
    """
    photographs: list[str] = []
    folders: list[str] = []
    unlisted: list[Problem] = []
    passed_over: list[Problem] = []
    seen = {source.resolve(), target.resolve()}

    def cannot_list(error: OSError) -> None:
        if Path(error.filename) == source:
            raise error
        reason = f"{type(error).__name__}: {error.strerror}"
        unlisted.append(Problem(_below(Path(error.filename), source), NOT_LISTED, reason))

    for folder, subfolders, names in os.walk(source, followlinks=True, onerror=cannot_list):
        here = Path(folder)
        folders.append(_below(here, source))
        kept = []
        for name in _without_junk(subfolders):
            real, file = (here / name).resolve(), _below(here / name, source)
            if name.startswith("."):
                passed_over.append(Problem(file, HIDDEN, "its name begins with a dot"))
            elif real == target.resolve():
                continue
            elif real in seen:
                passed_over.append(Problem(file, SEEN, "a link to a folder that is reached by another way too"))
            elif os.path.isfile(real / SETTINGS):  # unlike Path.is_file, of a closed folder too: os.walk names it
                passed_over.append(Problem(file, CROPS, f"it holds {SETTINGS}: crops of another run"))
            else:
                kept.append(name)
                seen.add(real)
        subfolders[:] = kept
        for name in _without_junk(names):
            file = _below(here / name, source)
            if name.startswith("."):
                passed_over.append(Problem(file, HIDDEN, "its name begins with a dot"))
            elif Path(name).suffix.lower() in IMAGE_SUFFIXES:
                photographs.append(file)
            else:
                passed_over.append(Problem(file, OTHER_FILE, "no image by its suffix"))
    return Tree(tuple(photographs), tuple(folders), tuple(unlisted), tuple(passed_over))


def crops_in(target: Path, suffix: str) -> Iterator[str]:
    """The files below ``target`` that may be crops, by their suffix; links, junk and what is hidden are none."""
    for folder, subfolders, names in os.walk(target):
        subfolders[:] = (name for name in _without_junk(subfolders) if not name.startswith("."))
        for name in _without_junk(names):
            path = Path(folder, name)
            if Path(name).suffix == suffix and not name.startswith(".") and not path.is_symlink():
                yield _below(path, target)


def _without_junk(names: list[str]) -> list[str]:
    return sorted(name for name in names if not is_junk(name))


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
