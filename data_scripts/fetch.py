"""What the get_*.py scripts share: a data set as data, consent, and the way from addresses to finished folders."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from download import DownloadError, RemoteFile, download, has_hash
from unpack import UnpackError

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
UNPACKING = "unpacking"


@dataclass(frozen=True)
class Piece:
    """A finished file or folder at ``path`` below the data folder, and the files it is made from.

    ``build(folder, *files)`` makes it inside ``folder``, under the last name of ``path``; without it the one file is
    taken as it is. ``expected`` is the size of a file in bytes, or how many files of a folder match ``pattern``;
    ``hash`` is that of a file, where it is known. ``fetch(file, folder, page)`` brings a file from where it is.
    """

    path: str
    files: tuple[RemoteFile, ...]
    build: Callable[..., None] | None = None
    expected: int | None = None
    pattern: str = "*/*.jpg"
    hash: str | None = None
    fetch: Callable[[RemoteFile, Path, str], Path] = download

    @property
    def known_hash(self) -> str | None:
        """That of the finished file, if any is known."""
        return self.files[0].hash if self.build is None else self.hash


@dataclass(frozen=True)
class Dataset:
    """A data set: where it is from, on what terms, its pieces, the call that reads it (``{root}``: the data folder)."""

    name: str
    folder: str
    page: str
    terms: str
    pieces: tuple[Piece, ...]
    read_with: str
    faces: bool = False


def command_line(description: str | None) -> argparse.ArgumentParser:
    """The options that every script has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--folder", type=Path, help="the data folder; by default COURSE_DATA, or the platform's cache folder"
    )
    parser.add_argument("--accept", action="store_true", help="accept the terms without being asked, for scripts")
    parser.add_argument("--quiet", action="store_true", help="show errors only, and terms where they must be accepted")
    return parser


def run(dataset: Dataset, options: argparse.Namespace) -> int:
    """Show the terms, ask where there are faces, download, verify, unpack; return the exit code."""
    if dataset.faces or not options.quiet:
        print(f"{dataset.name}\n\n{dataset.terms}\nSource: {dataset.page}\n")
    try:
        root = options.folder.expanduser().resolve() if options.folder else _default_folder()
        missing = [piece for piece in dataset.pieces if not _is_there(piece, root)]
        if missing:
            if dataset.faces and not _consents(options.accept, _download_size(missing)):
                return REFUSED
            _obtain_all(dataset, missing, root)
    except KeyboardInterrupt:
        _complain("\nInterrupted. What has arrived is kept: run the same command again to continue.")
        return INTERRUPTED
    except (DownloadError, UnpackError, ValueError, OSError) as error:
        _complain(f"\nError: {error}")
        return FAILED
    if not options.quiet:
        _report(dataset, root)
        if options.folder:
            print(f"Set COURSE_DATA={root} for the course to look there.")
    return OK


def _default_folder() -> Path:
    # From this clone, whether or not it is installed.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from course_lib.paths import data_folder

    return data_folder()


def _is_there(piece: Piece, root: Path) -> bool:
    """Whether the piece is finished. Raises ``UnpackError`` for a folder with other content: not ours to delete."""
    target = root / piece.path
    if not target.exists():
        return False
    if piece.known_hash:
        return has_hash(target, piece.known_hash)
    found = _measure(target, piece)
    if piece.expected in (None, found):
        return True
    if target.is_file():
        return False  # cut short by whoever wrote it; it is built again
    raise UnpackError(
        f"{target} holds {found:,} files {piece.pattern}; expected {piece.expected:,}."
        " Delete the folder or move it away, and run this command again."
    )


def _measure(path: Path, piece: Piece) -> int:
    return sum(1 for _ in path.glob(piece.pattern)) if path.is_dir() else path.stat().st_size


def _consents(accepted: bool, size: int) -> bool:
    print(
        "These are photographs of real people who were not asked. Faces are biometric data; many countries regulate\n"
        "their use. Do not publish them, do not try to identify or contact anyone, delete them when you are done.\n"
    )
    if accepted:
        print("Accepted with --accept.\n")
        return True
    if not sys.stdin.isatty():
        _complain("Refused: no terminal to ask for consent. If you accept these terms, run again with --accept.")
        return False
    answer = ""
    with suppress(EOFError):
        answer = input(f"Type yes to accept the terms and download {_in_bytes(size)}: ")
    if answer.strip().lower() != "yes":
        _complain("Not accepted; nothing was downloaded.")
        return False
    return True


def _obtain_all(dataset: Dataset, missing: list[Piece], root: Path) -> None:
    downloads = root / "downloads" / dataset.folder
    downloads.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(downloads)
    _check_space(missing, downloads)
    for piece in missing:
        _obtain(piece, root, downloads, dataset.page)


def _remove_leftovers(downloads: Path) -> None:
    """Remove what a killed run leaves besides NAME.part: a half-unpacked folder, a file pooch was verifying."""
    shutil.rmtree(downloads / UNPACKING, ignore_errors=True)
    for path in downloads.glob("tmp????????"):
        path.unlink()


def _check_space(missing: list[Piece], downloads: Path) -> None:
    here = sum(path.stat().st_size for path in downloads.iterdir())
    needed = 2 * _download_size(missing) - here  # the archives, and about as much again unpacked
    free = shutil.disk_usage(downloads).free
    if needed > free:
        raise DownloadError(
            f"{downloads} has {_in_bytes(free)} free; about {_in_bytes(needed)} are needed."
            " Make room, or choose another --folder."
        )


def _obtain(piece: Piece, root: Path, downloads: Path, page: str) -> None:
    """Download, build aside, verify, and only then move into place in one step."""
    files = [piece.fetch(file, downloads, page) for file in piece.files]
    target = root / piece.path
    if piece.build is None:
        _move(files[0], target)
        return
    aside = downloads / UNPACKING
    aside.mkdir()
    try:
        piece.build(aside, *files)
        _check_built(aside / target.name, piece)
        _move(aside / target.name, target)
    except UnpackError as error:
        urls = ", ".join(url for file in piece.files for url in file.urls)
        raise UnpackError(
            f"{error}\nNothing unpacked was kept. It came from {urls} with the expected hash, so the address or the"
            f" hash in this script is wrong: please report it. {page} tells where the data set lives now."
        ) from error
    finally:
        shutil.rmtree(aside)


def _move(finished: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(finished, target)


def _check_built(built: Path, piece: Piece) -> None:
    if not built.exists():
        names = ", ".join(sorted(path.name for path in built.parent.iterdir())[:5]) or "nothing"
        raise UnpackError(f"{piece.files[0].name} holds {names}; expected {built.name}")
    found = _measure(built, piece)
    if piece.expected not in (None, found):
        what = f"files {piece.pattern}" if built.is_dir() else "bytes"
        raise UnpackError(f"{built.name} from {piece.files[0].name} has {found:,} {what}; expected {piece.expected:,}")
    if piece.hash and not has_hash(built, piece.hash):
        raise UnpackError(f"{built.name} from {piece.files[0].name} has another hash; expected {piece.hash}")


def _report(dataset: Dataset, root: Path) -> None:
    for piece in dataset.pieces:
        print(f"Ready: {root / piece.path}")
    downloads = root / "downloads" / dataset.folder
    if downloads.exists() and any(downloads.iterdir()):
        print(f"The archives in {downloads} are no longer needed; delete them to save space.")
    print(f"Read it with: {dataset.read_with.format(root=root.as_posix())}")


def _complain(message: str) -> None:
    sys.stdout.flush()  # or the terms would come after it where both go to one file
    print(message, file=sys.stderr)


def _download_size(pieces: list[Piece]) -> int:
    return sum(file.size for piece in pieces for file in piece.files)


def _in_bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
