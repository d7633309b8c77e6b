"""Unpack archives without letting them write outside the folder they are given."""

from __future__ import annotations

import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tqdm import tqdm

# tarfile's own filter came with Python 3.10.12; check_member alone guards the versions before it.
_DATA_FILTER = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


class UnpackError(RuntimeError):
    """An archive is damaged, unsafe or holds something else than expected; the message names the member."""


def untar(folder: Path, archive: Path) -> None:
    """Unpack a tar archive, compressed or not, into ``folder``. Raises ``UnpackError``."""
    with readable(archive), tarfile.open(archive) as opened:
        opened.extractall(folder, members=_tar_members(opened, archive), **_DATA_FILTER)


def gunzip(folder: Path, archive: Path) -> None:
    """Unpack ``NAME.gz`` to ``folder/NAME``. Raises ``UnpackError``."""
    with readable(archive), gzip.open(archive) as source, open(folder / archive.stem, "wb") as target:
        shutil.copyfileobj(source, target)


def unzip_one(member: str, folder: Path, archive: Path) -> None:
    """Write one file of a zip archive, by its path in there, into ``folder``; nothing else. Raises ``UnpackError``."""
    with readable(archive), zipfile.ZipFile(archive) as opened:
        if member not in opened.namelist():
            raise UnpackError(f"{archive} holds no file {member}")
        with opened.open(member) as source, open(folder / PurePosixPath(member).name, "wb") as target:
            shutil.copyfileobj(source, target)


def zip_files(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of a zip archive, without its folders, after a check of every member. Raises ``UnpackError``."""
    for info in opened.infolist():
        mode = info.external_attr >> 16  # Unix archivers keep the file's type here; 0 where there is none
        check_member(info.filename, plain=not stat.S_ISLNK(mode), archive=Path(opened.filename or "archive"))
    return [info for info in opened.infolist() if not info.is_dir()]


def check_member(name: str, *, plain: bool, archive: Path) -> None:
    """Refuse a member that is a link or device (not ``plain``) or whose path leads out. Raises ``UnpackError``."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:  # C:name is another drive on Windows
        raise UnpackError(
            f"{archive} holds the member {name!r}, which leads out of its folder; expected paths inside it"
        )
    if not plain:
        raise UnpackError(f"{archive} holds the member {name!r}, a link or a device; expected only files and folders")


@contextmanager
def readable(archive: Path) -> Iterator[None]:
    """Turn what the standard library raises for a damaged archive into an ``UnpackError`` that names it."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UnpackError(
            f"{archive} cannot be unpacked ({type(error).__name__}: {error}); expected an archive"
        ) from error


def _tar_members(opened: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    for member in tqdm(opened, desc=f"unpacking {archive.name}", unit=" files", disable=None):
        check_member(member.name, plain=member.isfile() or member.isdir(), archive=archive)
        yield member
