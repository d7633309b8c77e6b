"""Packages through the real pip and npm, from indexes on loopback."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest
from download import DownloadError, RemoteFile
from loopback import Loopback, held, refuses, sha256, well
from package import from_npm, from_pip, reason

pytestmark = pytest.mark.slow

WHEEL_NAME = "tiny_thing-0.1.0-py3-none-any.whl"
PAGE = "https://example.org"
posix = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a shell script")


def wheel(files: dict[str, bytes]) -> bytes:
    """A wheel as pip wants it: with the record of its name and version."""
    info = "tiny_thing-0.1.0.dist-info"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in {
            **files,
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-thing\nVersion: 0.1.0\nRequires-Dist: absent\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


WHEEL = wheel({"thing.py": b"1 / 0"})
FILE = RemoteFile(WHEEL_NAME, ("https://example.org/files",), sha256(WHEEL), len(WHEEL))


@pytest.fixture
def index(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """The user's pip is set to an index on loopback, and to nothing else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", server.url("/simple"))
    return server


def offer(server: Loopback, content: bytes, name: str = WHEEL_NAME) -> None:
    server.offer(f"/files/{name}", well(content))
    listing = f'<!DOCTYPE html><html><body><a href="/files/{name}">{name}</a></body></html>'.encode()

    def answer(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", str(len(listing)))
        handler.end_headers()
        handler.wfile.write(listing)

    server.offer("/simple/tiny-thing/", answer)


def test_pip_brings_the_wheel_alone_and_only_once(index: Loopback, tmp_path: Path) -> None:
    offer(index, WHEEL)
    assert from_pip(FILE, tmp_path, PAGE) == tmp_path / WHEEL_NAME
    assert (tmp_path / WHEEL_NAME).read_bytes() == WHEEL
    assert [path.name for path in tmp_path.iterdir()] == [WHEEL_NAME]
    assert {entry[0] for entry in index.log} == {"/simple/tiny-thing/", f"/files/{WHEEL_NAME}"}  # nothing it requires
    index.log.clear()
    assert from_pip(FILE, tmp_path, PAGE) == tmp_path / WHEEL_NAME
    assert index.log == []


def test_a_damaged_wheel_is_fetched_anew(index: Loopback, tmp_path: Path) -> None:
    offer(index, WHEEL)
    (tmp_path / WHEEL_NAME).write_bytes(b"damaged")
    (tmp_path / "arriving").mkdir()
    (tmp_path / "arriving/left by a killed run").touch()
    from_pip(FILE, tmp_path, PAGE)
    assert (tmp_path / WHEEL_NAME).read_bytes() == WHEEL
    assert [path.name for path in tmp_path.iterdir()] == [WHEEL_NAME]


def failure(tmp_path: Path, seconds: float = 60.0) -> str:
    with pytest.raises(DownloadError) as raised:
        from_pip(FILE, tmp_path, PAGE, seconds=seconds)
    assert list(tmp_path.iterdir()) == []
    message = str(raised.value)
    for part in (FILE.hash, FILE.urls[0], PAGE, str(tmp_path / WHEEL_NAME), "run this command again"):
        assert part in message
    return message


def test_another_wheel_is_refused(index: Loopback, tmp_path: Path) -> None:
    offer(index, wheel({"thing.py": b"evil"}))
    assert "the index offers another file: its hash differs" in failure(tmp_path)


def test_an_index_without_the_package(index: Loopback, tmp_path: Path) -> None:
    index.offer("/simple/tiny-thing/", refuses(404))
    assert "the index has no such package" in failure(tmp_path)


def test_another_version(index: Loopback, tmp_path: Path) -> None:
    offer(index, WHEEL, "tiny_thing-0.2.0-py3-none-any.whl")
    assert "or not this version of it" in failure(tmp_path)


def test_no_network(index: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert "the index could not be reached; check the network" in failure(tmp_path)


def test_an_index_that_does_not_answer_is_not_waited_for(index: Loopback, tmp_path: Path) -> None:
    release = threading.Event()
    index.offer("/simple/tiny-thing/", held(b"<html>", 3, release))
    began = time.monotonic()
    try:
        assert re.search("could not be reached|broke off its answer|no answer within", failure(tmp_path, seconds=2))
    finally:
        release.set()
    assert time.monotonic() - began < 30, "pip itself would retry for minutes"


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A Python whose pip does as the shell script says."""
    python = folder.parent / f"{folder.name} python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))


@posix
def test_a_pip_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "exec sleep 60")
    assert "no answer within 0.5 seconds" in failure(tmp_path, seconds=0.5)


@posix
def test_a_python_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, 'echo "python: No module named pip" >&2; exit 1')
    assert "this Python has no pip; install it with" in failure(tmp_path)


@posix
def test_what_pip_brings_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, f"echo evil > {WHEEL_NAME}")
    assert "the index offers another file: its hash differs from sha256:" in failure(tmp_path)


def test_a_wheel_saved_by_hand_is_used(index: Loopback, tmp_path: Path) -> None:
    (tmp_path / WHEEL_NAME).write_bytes(WHEEL)
    from_pip(FILE, tmp_path, PAGE)
    assert index.log == []


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
        ("npm error code ENOSPC", "the disk is full"),
        ("npm error code ENOTFOUND\nnpm error network", "could not be reached"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate was not accepted"),
        ("npm error code E404", "no such package"),
        ("WARNING: x is not a trusted or secure host\nERROR: No matching distribution", "unless PIP_TRUSTED_HOST"),
        ("npm error code ETARGET\nnpm error notarget No matching version", "not this version"),
        ("one\ntwo\n three \nfour\n", "it said last: two / three / four"),
        ("", "it said last: "),
    ],
)
def test_what_was_said_becomes_a_reason(output: str, words: str) -> None:
    assert words in reason(output)


# --- npm ---


def packed(content: bytes) -> bytes:
    archive = io.BytesIO()
    manifest = json.dumps({"name": "tiny-thing", "version": "1.0.2", "scripts": {"prepare": "touch evil"}}).encode()
    with tarfile.open(fileobj=archive, mode="w:gz") as opened:
        for name, data in (("package/package.json", manifest), ("package/weights", content)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
    return archive.getvalue()


ARCHIVE = packed(b"weights")


@pytest.fixture
def registry(server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """The user's npm is set to a registry on loopback."""
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    outside = tmp_path.parent / f"{tmp_path.name} of npm"
    outside.mkdir()
    monkeypatch.setenv("npm_config_userconfig", str(outside / "npmrc"))
    monkeypatch.setenv("npm_config_cache", str(outside / "cache"))
    monkeypatch.setenv("npm_config_registry", server.url("/"))
    return server


def publish(server: Loopback, archive: bytes) -> RemoteFile:
    """The package in the registry, and what a script asks for: ``ARCHIVE``, which also has an address of its own."""
    dist = {
        "tarball": server.offer("/npm/tiny-thing-1.0.2.tgz", well(archive)),
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode(),
    }
    version = {"name": "tiny-thing", "version": "1.0.2", "dist": dist}
    document = {"name": "tiny-thing", "dist-tags": {"latest": "1.0.2"}, "versions": {"1.0.2": version}}
    server.offer("/tiny-thing", well(json.dumps(document).encode()))
    direct = server.offer("/direct.tgz", well(ARCHIVE))
    return RemoteFile("tiny-thing-1.0.2.tgz", (direct,), sha256(ARCHIVE), len(ARCHIVE))


needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@needs_npm
def test_npm_brings_the_archive_from_the_users_registry(registry: Loopback, tmp_path: Path) -> None:
    file = publish(registry, ARCHIVE)
    assert from_npm(file, tmp_path, PAGE).read_bytes() == ARCHIVE
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert {entry[0] for entry in registry.log} == {"/tiny-thing", "/npm/tiny-thing-1.0.2.tgz"}
    registry.log.clear()
    from_npm(file, tmp_path, PAGE)
    assert registry.log == []


@needs_npm
@pytest.mark.parametrize("fault", ["another archive", "no such package"])
def test_where_npm_fails_the_address_is_taken_and_that_is_said(
    registry: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    file = publish(registry, packed(b"evil"))
    if fault == "no such package":
        registry.offer("/tiny-thing", refuses(404))
    assert from_npm(file, tmp_path, PAGE).read_bytes() == ARCHIVE
    why = "its hash differs" if fault == "another archive" else "the index has no such package"
    said = capsys.readouterr().out
    assert "npm could not fetch tiny-thing@1.0.2" in said and why in said and f"downloading {file.urls[0]}" in said
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_without_npm_the_address_is_taken(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    file = publish(server, packed(b"unused"))
    assert from_npm(file, tmp_path, PAGE).read_bytes() == ARCHIVE
    assert [entry[0] for entry in server.log] == ["/direct.tgz"]
    server.offer("/direct.tgz", well(b"evil"))
    (tmp_path / file.name).unlink()
    with pytest.raises(DownloadError, match=r"tiny-thing-1\.0\.2\.tgz could not be downloaded"):
        from_npm(file, tmp_path, PAGE)
