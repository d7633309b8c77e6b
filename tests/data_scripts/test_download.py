"""One file: mirrors, resuming, and every way a server can go wrong."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import download as module
import pytest
from download import DownloadError, RemoteFile, download
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import (
    Loopback,
    another_range,
    compressing,
    cut,
    dropped,
    held,
    labelled_gzip,
    page,
    refuses,
    sha256,
    well,
)

PAGE = "https://example.org/data"
CONTENT = bytes(range(256)) * 20  # 5,120 bytes


def fetch(folder: Path, *urls: str, content: bytes = CONTENT) -> Path:
    return download(RemoteFile("data.zip", urls, sha256(content)), folder, PAGE)


def test_downloads_once(server: Loopback, tmp_path: Path) -> None:
    url = server.offer("/data.zip", well(CONTENT))
    for _ in range(2):
        assert fetch(tmp_path, url).read_bytes() == CONTENT
    assert server.log == [("/data.zip", None, 200)]
    assert os.listdir(tmp_path) == ["data.zip"]


def test_replaces_a_file_with_another_hash(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(b"<html>saved by mistake</html>")
    assert fetch(tmp_path, server.offer("/data.zip", well(CONTENT))).read_bytes() == CONTENT


def test_md5_of_the_publisher(server: Loopback, tmp_path: Path) -> None:
    url = server.offer("/hello", well(b"hello"))
    file = RemoteFile("hello", (url,), "md5:5d41402abc4b2a76b9719d911017c592")  # md5 of "hello", widely printed
    assert download(file, tmp_path, PAGE).read_bytes() == b"hello"


@pytest.mark.parametrize(
    "bad",
    [refuses(403), refuses(503), page("Quota exceeded"), cut(CONTENT, [99], ranges=False), well(b"other")],
    ids=["403", "503", "page", "truncated", "hash"],
)
def test_second_mirror_when_the_first_fails(server: Loopback, tmp_path: Path, bad: object) -> None:
    first, second = server.offer("/bad", bad), server.offer("/good", well(CONTENT))
    assert fetch(tmp_path, first, second).read_bytes() == CONTENT
    assert server.log[-1] == ("/good", None, 200), "bytes of a mirror that failed were used"
    assert os.listdir(tmp_path) == ["data.zip"]


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (refuses(403), "answered 403 Forbidden; expected 200 OK"),
        (refuses(503), "answered 503 Service Unavailable, 3 attempts in a row"),
        (page("Google Drive - Quota exceeded"), "web page ('Google Drive - Quota exceeded'); expected the file"),
        (page("Sign in", "application/zip"), "web page ('Sign in'); expected the file"),
        (cut(CONTENT, [1000, 0]), "announced 5,120 bytes but ended after 1,000"),
        (cut(CONTENT, [1000], ranges=False), "announced 5,120 bytes but ended after 1,000"),
        (well(b"other"), f"expected {sha256(CONTENT)} but got {sha256(b'other')[7:]}"),
    ],
    ids=["403", "503", "page", "page called zip", "truncated", "truncated, no ranges", "hash"],
)
def test_error_says_everything_and_leaves_nothing(server: Loopback, tmp_path: Path, bad: object, found: str) -> None:
    url = server.offer("/data.zip", bad)
    with pytest.raises(DownloadError) as raised:
        fetch(tmp_path, url)
    message = str(raised.value)
    for part in (url, found, sha256(CONTENT), PAGE, f"save it as {tmp_path / 'data.zip'}"):
        assert part in message
    assert os.listdir(tmp_path) == []


def test_every_mirror_is_named(server: Loopback, tmp_path: Path) -> None:
    urls = [server.offer("/one", refuses(403)), server.offer("/two", refuses(404))]
    with pytest.raises(DownloadError) as raised:
        fetch(tmp_path, *urls)
    assert all(
        f"{url}\n    the server answered {code}" in str(raised.value)
        for url, code in zip(urls, (403, 404), strict=True)
    )


def test_the_file_a_person_saved_is_verified_and_used(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_bytes(CONTENT)
    fetch(tmp_path, server.url("/never-asked"))
    assert server.log == []


def test_lost_connection_keeps_what_arrived_and_the_next_run_continues(server: Loopback, tmp_path: Path) -> None:
    content = os.urandom(1 << 18)
    url = server.offer("/data.zip", dropped(content, after=200_000))
    with pytest.raises(DownloadError, match=r"connection failed .*bytes are kept in .*data\.zip\.part: run again"):
        fetch(tmp_path, url, content=content)
    kept = (tmp_path / "data.zip.part").stat().st_size
    assert 0 < kept <= 200_000
    server.offer("/data.zip", well(content))
    assert fetch(tmp_path, url, content=content).read_bytes() == content
    assert server.log[-1] == ("/data.zip", f"bytes={kept}-", 206)


def test_no_server_at_all(tmp_path: Path) -> None:
    with Loopback() as gone:
        url = gone.url("/data.zip")
    with pytest.raises(DownloadError, match="the connection failed"):
        fetch(tmp_path, url)
    assert os.listdir(tmp_path) == []


def test_quota_page_while_resuming_keeps_the_earlier_bytes(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "data.zip.part").write_bytes(CONTENT[:777])
    with pytest.raises(DownloadError, match="web page"):
        fetch(tmp_path, server.offer("/data.zip", page("Quota exceeded")))
    assert (tmp_path / "data.zip.part").read_bytes() == CONTENT[:777]


def test_server_that_ignores_range_starts_over(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "data.zip.part").write_bytes(CONTENT[:777])
    assert fetch(tmp_path, server.offer("/data.zip", well(CONTENT, ranges=False))).read_bytes() == CONTENT
    assert server.log == [("/data.zip", "bytes=777-", 200)]


@pytest.mark.parametrize("left", [b"x" * 777, b"x" * len(CONTENT), b"x" * 9999], ids=["short", "equal", "longer"])
def test_leftover_of_another_file_starts_over(server: Loopback, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "data.zip.part").write_bytes(left)
    assert fetch(tmp_path, server.offer("/data.zip", well(CONTENT))).read_bytes() == CONTENT
    assert [entry[1] for entry in server.log] == [f"bytes={len(left)}-", None]


def test_as_many_attempts_as_bring_something_new(server: Loopback, tmp_path: Path) -> None:
    assert fetch(tmp_path, server.offer("/data.zip", cut(CONTENT, [500]))).read_bytes() == CONTENT
    assert [entry[1] for entry in server.log] == [None, *(f"bytes={start}-" for start in range(500, 5120, 500))]


def test_server_that_answers_another_range_starts_over(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "data.zip.part").write_bytes(CONTENT[:777])
    assert fetch(tmp_path, server.offer("/data.zip", another_range(CONTENT))).read_bytes() == CONTENT
    assert [entry[1] for entry in server.log] == ["bytes=777-", None]


def test_server_that_compresses_is_asked_not_to(server: Loopback, tmp_path: Path) -> None:
    assert fetch(tmp_path, server.offer("/data", compressing(CONTENT))).read_bytes() == CONTENT


def test_gz_file_labelled_as_compressed_on_the_way_stays_as_stored(server: Loopback, tmp_path: Path) -> None:
    stored = gzip.compress(CONTENT)
    assert fetch(tmp_path, server.offer("/data.gz", labelled_gzip(stored)), content=stored).read_bytes() == stored


@settings(max_examples=30, deadline=None)
@given(
    content=st.binary(max_size=2000),
    already=st.integers(0, 2000),
    cuts=st.lists(st.integers(1, 900), max_size=4),
    ranges=st.booleans(),
)
def test_wherever_it_is_cut_the_file_is_the_same(content: bytes, already: int, cuts: list[int], ranges: bool) -> None:
    with TemporaryDirectory() as folder, Loopback() as server:
        if already:
            Path(folder, "data.zip.part").write_bytes(content[:already])
        cuts = cuts if ranges else cuts[: module.ATTEMPTS - 1]  # without ranges a short answer brings nothing new
        url = server.offer("/data.zip", cut(content, [*cuts, 2000], ranges=ranges))
        assert fetch(Path(folder), url, content=content).read_bytes() == content
        assert os.listdir(folder) == ["data.zip"]


RUN = """
import sys
from pathlib import Path
sys.path.insert(0, {scripts!r})
from download import RemoteFile, download
download(RemoteFile("data.zip", ({url!r},), {hash!r}), Path({folder!r}), "page")
"""


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_killed_run_is_continued_by_a_range_request(server: Loopback, tmp_path: Path, by: signal.Signals) -> None:
    content, release = os.urandom(1 << 20), threading.Event()
    url = server.offer("/data.zip", held(content, after=1 << 19, release=release))
    scripts = str(Path(module.__file__).parent)
    code = RUN.format(scripts=scripts, url=url, hash=sha256(content), folder=str(tmp_path))
    running = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    part = tmp_path / "data.zip.part"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 100_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(by)
    assert running.wait(30) != 0
    release.set()

    kept = part.stat().st_size
    assert 100_000 < kept <= 1 << 19
    assert os.listdir(tmp_path) == ["data.zip.part"]
    server.offer("/data.zip", well(content))
    assert fetch(tmp_path, url, content=content).read_bytes() == content
    assert server.log[-1] == ("/data.zip", f"bytes={kept}-", 206)
