"""The learner's folder: the course's notebooks, laid so that nothing a learner changed is ever written over."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from course_lib.paths import written_whole
from course_lib.shipped import shipped

RECORD = ".face-course.json"
FIRST = "00_start_here.ipynb"
# What is laid: from which part, which files, and where below the folder.
LAID = (("notebooks", "*.ipynb", ""), ("notebooks", "solutions/*.py", ""), ("data_scripts", "*.py", "data_scripts/"))


@dataclass(frozen=True)
class Laid:
    """What ``lay`` did: names below the folder.

    Attributes:
        new: files that were not there.
        updated: files that nobody had changed, and of which this version of the course has another.
        beside: files that were changed, and of which this version has another -> the name under which that one lies.
    """

    new: tuple[str, ...]
    updated: tuple[str, ...]
    beside: dict[str, str]

    def __str__(self) -> str:
        lines = [f"{len(self.new)} files laid"] if self.new else []
        lines += [f"{len(self.updated)} files that you had not changed brought up to date"] if self.updated else []
        lines += [
            f"{name} holds changes of yours, and stays; the new one is {new}" for name, new in self.beside.items()
        ]
        return "\n".join(lines)


def lay(folder: Path, version: str) -> Laid:
    """Lay the notebooks, their solutions and the data scripts; a changed file stays, and a newer one comes beside it.

    A file counts as changed unless its bytes are those that the course laid; the record in the folder says which they
    were. What was deleted is laid again.

    Args:
        folder: is made if need be.
        version: of the course: part of the name of what is laid beside.

    Raises:
        ValueError: the folder is the course's own, or its record is damaged.
        OSError: something that is no file stands in the way, or nothing can be written.
    """
    if folder.resolve() == shipped("notebooks").resolve():
        raise ValueError(f"{folder} is the course's own folder of notebooks; choose another one for your copies")
    folder.mkdir(parents=True, exist_ok=True)
    record = read_record(folder / RECORD)
    new, updated, beside = [], [], {}
    for name, source in sources().items():
        target, content = folder / name, source.read_bytes()
        shipped_hash, there = _hash(content), _hash_of(target)
        if there is None:
            _write(target, content)
            new.append(name)
        elif there == record.get(name) != shipped_hash:
            _write(target, content)
            updated.append(name)
        elif there != shipped_hash != record.get(name):
            beside[name] = _lay_beside(target, content, version).relative_to(folder).as_posix()
        record[name] = shipped_hash
    _write(folder / RECORD, json.dumps({"version": version, "files": record}, indent=1).encode())
    return Laid(tuple(new), tuple(updated), beside)


def lay_fresh(folder: Path, name: str, version: str) -> Path:
    """Lay an untouched copy of one notebook, beside a changed one where there is one; the copy.

    Args:
        name: such as ``05_center_loss_digits``, or the beginning of one notebook's name, such as ``05``.

    Raises:
        ValueError: no notebook, or several, have that name. Otherwise as ``lay``.
    """
    every = {path: source for path, source in sources().items() if "/" not in path}
    found = [path for path in every if path.startswith(name)]
    found = [path for path in found if name in (path, Path(path).stem)] or found
    if len(found) != 1:
        which = f"several notebooks: {', '.join(found)}" if found else f"no notebook; there are: {', '.join(every)}"
        raise ValueError(f"{name!r} is the name of {which}")
    target, content = folder / found[0], every[found[0]].read_bytes()
    there = _hash_of(target)
    if there is None:
        _write(target, content)
    return target if there in (None, _hash(content)) else _lay_beside(target, content, version)


def sources() -> dict[str, Path]:
    """Every file that is laid: its name below the learner's folder, and where it is from.

    Raises:
        FileNotFoundError: this installation has no notebooks.
    """
    found = {
        place + path.relative_to(shipped(part)).as_posix(): path
        for part, pattern, place in LAID
        for path in sorted(shipped(part).glob(pattern))
    }
    if FIRST not in found:
        raise FileNotFoundError(f"{shipped('notebooks')} holds no {FIRST}; install the course anew")
    return found


def _lay_beside(target: Path, content: bytes, version: str) -> Path:
    """Write under the first free name, ``NAME-VERSION``, ``NAME-VERSION-2``, unless these bytes lie under one."""
    for number in count(1):
        more = f"-{version}" if number == 1 else f"-{version}-{number}"
        beside = target.with_name(f"{target.stem}{more}{target.suffix}")
        there = _hash_of(beside)
        if there is None:
            _write(beside, content)
        if there in (None, _hash(content)):
            return beside
    raise AssertionError("count ends never")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _hash_of(path: Path) -> str | None:
    """Of what is there; None where nothing is."""
    if not os.path.lexists(path):
        return None
    if not path.is_file():
        raise FileExistsError(f"{path} is no file, but the course has a file of that name; rename what stands there")
    return _hash(path.read_bytes())


def _write(path: Path, content: bytes) -> None:
    try:
        with written_whole(path) as unfinished:
            unfinished.write_bytes(content)
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise type(error)(f"{path} cannot be written ({error.strerror}); choose another folder") from error


def read_record(path: Path) -> dict[str, str]:
    """The record of a folder: each file and its SHA-256 as the course last laid or offered it; empty without one.

    Raises:
        ValueError: it is damaged.
    """
    if not path.exists():
        return {}
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): str(value) for name, value in files.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged; delete it, and every file there counts as changed") from error
