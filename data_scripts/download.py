"""Download one file: mirrors in order, verified by its hash, continued where an earlier run stopped."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pooch
import requests
import urllib3
from tqdm import tqdm

TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 3  # in a row that bring nothing new
PAUSE = 2.0  # seconds between two of them
CHUNK = 1 << 16  # bytes


class DownloadError(RuntimeError):
    """A file could not be downloaded; the message names the address, what was found and what to do."""


@dataclass(frozen=True)
class RemoteFile:
    """A file and the addresses that serve it, the first that works is taken.

    ``hash`` is ``sha256:...`` or ``md5:...`` as the publisher states it. ``size`` in bytes is approximate: it is shown,
    and used to look for free space beforehand; the hash alone decides.
    """

    name: str
    urls: tuple[str, ...]
    hash: str
    size: int = 0


def download(file: RemoteFile, folder: Path, page: str) -> Path:
    """Fetch ``file`` into ``folder`` unless it is there with the right hash already, and return its path.

    What arrives is collected in ``NAME.part`` and continued by the next run. ``page`` is where a person finds the file.

    Raises:
        DownloadError: no address gave the file; every address is listed with what it answered.
    """
    problems = []
    for url in file.urls:
        try:
            return _from_mirror(file, url, folder)
        except DownloadError as problem:
            problems.append(f"  {url}\n    {problem}")
    raise gave_up(file, folder, page, problems)


def gave_up(file: RemoteFile, folder: Path, page: str, problems: list[str]) -> DownloadError:
    """The error that lists what was tried, and says how to fetch the file by hand."""
    return DownloadError(
        "\n".join([f"{file.name} could not be downloaded (expected {file.hash}):", *problems])
        + f"\nTry again later. Or download {file.name} with a browser, from an address above or from {page},"
        f"\nsave it as {folder / file.name} and run this command again: it is verified and used."
    )


def has_hash(path: Path, known: str) -> bool:
    """Whether there is a file at ``path`` with the hash ``known``, as in ``RemoteFile``."""
    algorithm, value = known.split(":")
    return path.is_file() and pooch.file_hash(str(path), alg=algorithm) == value


def _from_mirror(file: RemoteFile, url: str, folder: Path) -> Path:
    part = folder / f"{file.name}.part"
    resumed = part.exists()
    try:
        downloader = ResumingDownloader(part)
        return Path(pooch.retrieve(url, known_hash=file.hash, fname=file.name, path=folder, downloader=downloader))
    except ValueError as mismatch:  # pooch's error for a wrong hash; it has deleted the file
        if not resumed:
            raise DownloadError(str(mismatch)) from mismatch
    print(f"{file.name}: what an earlier run had left was damaged or of another file; starting over.")
    return _from_mirror(file, url, folder)


@dataclass(frozen=True)
class _Cut:
    """Why a transfer stopped early. ``ended``: the server itself said that this was all."""

    reason: str
    ended: bool = False


class ResumingDownloader:
    """A pooch downloader that continues from the bytes in ``part`` by an HTTP Range request (RFC 9110, section 14).

    A run that is killed, interrupted or loses its connection leaves ``part`` for the next one. A server that keeps
    sending too little does not: nothing says that its bytes are good.
    """

    def __init__(self, part: Path) -> None:
        self.part = part

    def __call__(self, url: str, output_file: str | os.PathLike[str], pooch: object) -> None:
        """Fetch ``url`` and move the complete, not yet verified, file to ``output_file``. Raises ``DownloadError``."""
        Path(output_file).unlink(missing_ok=True)  # made empty by pooch; a killed run would leave it behind
        self._collect(url)
        os.replace(self.part, output_file)

    def _collect(self, url: str) -> None:
        """Transfer until all is there, or until nothing new came ``ATTEMPTS`` times in a row."""
        furthest, stalled = self._size(), 0
        while (cut := self._transfer(url)) is not None:
            stalled = 0 if self._size() > furthest else stalled + 1
            furthest = max(furthest, self._size())
            if stalled == ATTEMPTS:
                break
            time.sleep(PAUSE)
        else:
            return
        if cut.ended:
            self.part.unlink(missing_ok=True)
        kept = f"; {self._size():,} bytes are kept in {self.part}: run again to continue" if self._size() else ""
        raise DownloadError(f"{cut.reason}, {ATTEMPTS} attempts in a row{kept}")

    def _transfer(self, url: str) -> _Cut | None:
        """One request; None when the file is complete."""
        have = self._size()
        headers = {"Accept-Encoding": "identity"}  # the bytes as stored: these are what Range and the hash count
        if have:
            headers["Range"] = f"bytes={have}-"
        try:
            with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
                if have and response.status_code == requests.codes.range_not_satisfiable:
                    return None  # nothing comes after what is there; the hash decides whether it is the file
                if response.status_code >= 500:
                    return _Cut(f"the server answered {response.status_code} {response.reason}")
                _refuse_what_is_no_file(response)
                return self._write(response, start=have if response.status_code == 206 else 0)  # 200: Range ignored
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return _Cut(f"the connection failed ({type(error).__name__}: {error})")

    def _write(self, response: requests.Response, start: int) -> _Cut | None:
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        response.raw.enforce_content_length = False  # a short answer is reported below, with its numbers
        chunks = response.raw.stream(CHUNK, decode_content=False)
        if start == 0:
            chunks = _not_a_page(chunks)
        bar = tqdm(desc=self.part.stem, total=total, initial=start, unit="B", unit_scale=True, disable=None)
        with bar, open(self.part, "ab" if start else "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                file.flush()
                bar.update(len(chunk))
        if total is not None and self._size() < total:
            return _Cut(f"the server announced {total:,} bytes but ended after {self._size():,}", ended=True)
        return None

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def _refuse_what_is_no_file(response: requests.Response) -> None:
    if response.status_code not in (200, 206):
        raise DownloadError(
            f"the server answered {response.status_code} {response.reason}; expected 200 OK and the file"
        )
    if "text/html" in response.headers.get("Content-Type", "").lower():
        raise _page_error(response.raw.read(CHUNK, decode_content=True))


def _not_a_page(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks; refuses a web page that calls itself something else before a byte of it is written."""
    first = next(chunks, b"")
    if re.match(rb"\s*<(!doctype\s+html|html)\b", first, re.IGNORECASE):
        raise _page_error(first)
    return chain([first], chunks)


def _page_error(html: bytes) -> DownloadError:
    found = re.search(rb"<title[^>]*>(.*?)</title>", html, re.IGNORECASE | re.DOTALL)
    title = " ".join(found[1].decode("utf-8", "replace").split()) if found else "without a title"
    return DownloadError(
        f"the server sent a web page ({title!r}); expected the file."
        " Such a page asks for a login, or says that a quota is used up"
    )
