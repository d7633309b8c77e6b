"""The steps from a data set's description to its folders: consent, unpacking, failing cleanly."""

from __future__ import annotations

import io
import shutil
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from download import RemoteFile
from fetch import FAILED, INTERRUPTED, OK, REFUSED, Dataset, Piece, command_line, run
from loopback import Loopback, cut, page, refuses, sha256, well
from unpack import untar


def tarball(*names: str, content: bytes = b"image") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


ARCHIVE = tarball("faces/Ada/Ada_0001.jpg", "faces/Bob/Bob_0001.jpg", "faces/README")
LIST = b"1\nAda 1 Bob 1\n"


def dataset(server: Loopback, archive: bytes = ARCHIVE, *, faces: bool = False) -> Dataset:
    images = RemoteFile("faces.tgz", (server.offer("/faces.tgz", well(archive)),), sha256(archive), len(archive))
    pairs = RemoteFile("pairs.txt", (server.offer("/pairs.txt", well(LIST)),), sha256(LIST), len(LIST))
    pieces = (Piece("people/faces", (images,), untar, expected=2), Piece("people/pairs.txt", (pairs,)))
    return Dataset("Some Faces", "people", "https://example.org", "Licence: none.", pieces, "read({root})", faces)


def execute(described: Dataset, root: Path, *more: str) -> int:
    return run(described, command_line("test").parse_args(["--folder", str(root), *more]))


def everything(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


DONE = [
    "downloads/people/faces.tgz",
    "people/faces/Ada/Ada_0001.jpg",
    "people/faces/Bob/Bob_0001.jpg",
    "people/faces/README",
    "people/pairs.txt",
]


def test_from_nothing_to_finished_and_again(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = dataset(server)
    assert execute(described, tmp_path) == OK
    shown = capsys.readouterr().out
    for part in (
        "Some Faces",
        "Licence: none.",
        "https://example.org",
        f"Read it with: read({tmp_path})",
        "COURSE_DATA",
    ):
        assert part in shown
    assert everything(tmp_path) == DONE
    asked = len(server.log)
    shutil.rmtree(tmp_path / "downloads")  # as the report allows
    assert execute(described, tmp_path) == OK
    assert len(server.log) == asked, "what was there was asked for again"


def test_only_what_is_missing_or_changed_is_fetched(server: Loopback, tmp_path: Path) -> None:
    described = dataset(server)
    execute(described, tmp_path)
    (tmp_path / "people/pairs.txt").write_text("changed")
    server.log.clear()
    assert execute(described, tmp_path) == OK
    assert [entry[0] for entry in server.log] == ["/pairs.txt"]
    assert (tmp_path / "people/pairs.txt").read_bytes() == LIST


def test_leftovers_of_a_killed_run_are_removed(server: Loopback, tmp_path: Path) -> None:
    downloads = tmp_path / "downloads" / "people"
    (downloads / "unpacking/faces/Ada").mkdir(parents=True)
    (downloads / "unpacking/faces/Ada/half.jpg").touch()
    (downloads / "tmpa1b2c3d_").touch()
    assert execute(dataset(server), tmp_path) == OK
    assert everything(tmp_path) == DONE
    assert not (downloads / "unpacking").exists()


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (refuses(403), "403 Forbidden"),
        (page("Quota exceeded"), "web page ('Quota exceeded')"),
        (cut(ARCHIVE, [50], ranges=False), f"announced {len(ARCHIVE):,} bytes but ended after 50"),
        (well(b"other"), "but got"),
    ],
    ids=["403", "page", "truncated", "hash"],
)
def test_failed_download_leaves_nothing(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: object, found: str
) -> None:
    described = dataset(server)
    server.offer("/faces.tgz", bad)
    assert execute(described, tmp_path) == FAILED
    error = capsys.readouterr().err
    place = tmp_path / "downloads/people/faces.tgz"
    for part in (server.url("/faces.tgz"), found, "browser", str(place), "run this command again"):
        assert part in error
    assert everything(tmp_path) == [] and not (tmp_path / "people").exists()
    place.write_bytes(ARCHIVE)  # what the message says to do, in the folder it names
    assert execute(described, tmp_path) == OK
    assert everything(tmp_path) == DONE


@pytest.mark.parametrize(
    ("archive", "found"),
    [
        (tarball("faces/Ada/Ada_0001.jpg", "../../../evil.jpg"), "'../../../evil.jpg', which leads out"),
        (tarball("faces/Ada/Ada_0001.jpg", "/evil.jpg"), "'/evil.jpg', which leads out"),
        (tarball("photos/Ada/Ada_0001.jpg"), "holds photos; expected faces"),
        (tarball(), "holds nothing; expected faces"),
        (tarball("faces/Ada/Ada_0001.jpg"), "has 1 files */*.jpg; expected 2"),
        (ARCHIVE[:-30], "cannot be unpacked"),
        (b"no archive", "cannot be unpacked"),
    ],
    ids=["climbs", "absolute", "other folder", "empty", "too few", "cut short", "no archive"],
)
def test_bad_archive_leaves_nothing_unpacked(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str], archive: bytes, found: str
) -> None:
    root = tmp_path / "deep" / "inside"
    assert execute(dataset(server, archive), root) == FAILED
    error = capsys.readouterr().err
    for part in (server.url("/faces.tgz"), found, "please report it"):
        assert part in error
    assert everything(tmp_path) == ["deep/inside/downloads/people/faces.tgz"]  # verified, as its publisher made it
    assert not (root / "people").exists() and not (root / "downloads/people/unpacking").exists()


def test_interrupt_while_unpacking(server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(folder: Path, archive: Path) -> None:
        untar(folder, archive)
        raise KeyboardInterrupt

    described = dataset(server)
    stopping = replace(described, pieces=(replace(described.pieces[0], build=interrupted), *described.pieces[1:]))
    assert execute(stopping, tmp_path) == INTERRUPTED
    assert "run the same command again to continue" in capsys.readouterr().err
    assert everything(tmp_path) == ["downloads/people/faces.tgz"]
    assert execute(described, tmp_path) == OK
    assert [entry[0] for entry in server.log] == ["/faces.tgz", "/pairs.txt"]


def test_folder_with_other_content_is_not_touched(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "people/faces/Me/Me_0001.jpg"
    mine.parent.mkdir(parents=True)
    mine.touch()
    assert execute(dataset(server), tmp_path) == FAILED
    assert "holds 1 files */*.jpg; expected 2. Delete the folder or move it away" in capsys.readouterr().err
    assert mine.exists() and server.log == []


def test_too_little_space(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    described = dataset(server)
    large = replace(described.pieces[0].files[0], size=1_500_000_000)
    described = replace(described, pieces=(replace(described.pieces[0], files=(large,)),))
    usage = shutil.disk_usage(tmp_path)._replace(free=2_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert execute(described, tmp_path) == FAILED
    assert "2.0 GB free; about 3.0 GB are needed" in capsys.readouterr().err
    assert everything(tmp_path) == [] and server.log == []


def test_destination_that_is_a_file(server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert execute(dataset(server), tmp_path / "file") == FAILED
    assert str(tmp_path / "file") in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "code"), [("yes\n", OK), (" YES \n", OK), ("no\n", REFUSED), ("\n", REFUSED), ("", REFUSED)]
)
def test_consent_at_a_terminal(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert execute(dataset(server, faces=True), tmp_path) == code
    assert everything(tmp_path) == (DONE if code == OK else [])
    assert bool(server.log) == (code == OK)


def test_no_terminal_needs_accept(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))  # a pipe that says yes is nobody's consent
    assert execute(dataset(server, faces=True), tmp_path) == REFUSED
    shown = capsys.readouterr()
    assert "real people" in shown.out and "run again with --accept" in shown.err
    assert list(tmp_path.iterdir()) == [] and server.log == []
    assert execute(dataset(server, faces=True), tmp_path, "--accept") == OK
    assert execute(dataset(server, faces=True), tmp_path) == OK, "what is there needs no consent to be found"
