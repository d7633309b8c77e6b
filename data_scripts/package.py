"""Fetch one published package, without what it depends on, through pip or npm: from the index the user has set."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from download import DownloadError, RemoteFile, download, gave_up, has_hash

SECONDS = 60.0  # for a package of some megabytes
ARRIVING = "arriving"
REASONS = (
    (
        r"No space left on device|Disk quota exceeded|not enough space|\[Errno 28\]|ENOSPC",
        "the disk is full; make room and run this command again",
    ),
    (r"DO NOT MATCH THE HASHES", "the index offers another file: its hash differs"),
    (
        r"NewConnectionError|NameResolutionError|ConnectTimeout|Connection refused|Network is unreachable|ProxyError"
        r"|Read timed out|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT",
        "the index could not be reached; check the network, and behind a proxy set HTTPS_PROXY",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SELF_SIGNED|UNABLE_TO_GET_ISSUER",
        "the index's certificate was not accepted",
    ),
    (r"not a trusted or secure host", "pip refuses an index without HTTPS unless PIP_TRUSTED_HOST names it"),
    # pip says the same of an index that breaks off in the middle of its list.
    (
        r"No matching distribution|\bE404\b|\bETARGET\b",
        "the index has no such package, or not this version of it, or broke off its answer",
    ),
    (r"No module named pip", "this Python has no pip; install it with: python -m ensurepip"),
)


def from_pip(file: RemoteFile, folder: Path, page: str, *, seconds: float = SECONDS) -> Path:
    """Fetch a wheel into ``folder`` with this Python's pip, unless it is there with the right hash already.

    Args:
        file: its name is the wheel's; its hash, ``sha256:...``, is demanded of pip.
        page: where a person finds the file.
        seconds: after which pip is stopped.

    Raises:
        DownloadError: pip failed; the message says why.
    """
    if has_hash(folder / file.name, file.hash):
        return folder / file.name
    name, version = file.name.split("-")[:2]  # of a wheel's file name (PEP 427)
    arriving = _emptied(folder / ARRIVING)
    requirement = arriving / "requirement.txt"
    requirement.write_text(f"{name}=={version} --hash={file.hash}\n", encoding="utf-8")
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(arriving)]
    options += ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"]
    options += ["--timeout", str(math.ceil(seconds / 2))]  # for one connection
    try:
        _run([sys.executable, "-m", "pip", "download", *options, "-r", str(requirement)], arriving, seconds)
        return _verified(arriving / file.name, file, folder)
    except DownloadError as problem:
        raise gave_up(file, folder, page, [f"  pip, {name}=={version}\n    {problem}", *_listed(file)]) from problem
    finally:
        shutil.rmtree(arriving, ignore_errors=True)


def from_npm(file: RemoteFile, folder: Path, page: str, *, seconds: float = SECONDS) -> Path:
    """Fetch an npm package's archive into ``folder``, unless it is there with the right hash already.

    npm does it where it is installed, running none of the package's scripts; without npm, or where it fails, which is
    said, the archive is downloaded from the addresses of ``file``.

    Args:
        file: its name is NAME-VERSION.tgz.
        page: where a person finds the file.
        seconds: after which npm is stopped.

    Raises:
        DownloadError: neither gave the file; every attempt is listed.
    """
    npm = shutil.which("npm")
    if npm is None or has_hash(folder / file.name, file.hash):
        return download(file, folder, page)
    package = "@".join(file.name[: -len(".tgz")].rsplit("-", 1))
    arriving = _emptied(folder / ARRIVING)
    options = ["--ignore-scripts", "--pack-destination", str(arriving), "--no-update-notifier", "--fetch-retries", "1"]
    options += ["--fetch-timeout", str(math.ceil(1000 * seconds / 2))]
    try:
        _run([npm, "pack", package, *options], arriving, seconds)
        return _verified(arriving / file.name, file, folder)
    except DownloadError as problem:
        print(f"npm could not fetch {package} ({problem}); downloading {', '.join(file.urls)} instead.")
        return download(file, folder, page)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)


def _emptied(folder: Path) -> Path:
    """The folder, new: a killed run may have left it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run(command: list[str], folder: Path, seconds: float) -> None:
    """Run pip or npm in ``folder``. Raises ``DownloadError`` with the reason its output tells of."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"no answer within {seconds:g} seconds; check the network") from error
    if done.returncode != 0:
        raise DownloadError(reason(done.stdout))


def reason(output: str) -> str:
    """Why pip or npm failed, in one sentence; their own last lines where the cause is none of the usual ones."""
    for pattern, words in REASONS:
        if re.search(pattern, output, re.IGNORECASE):
            return words
    return "it said last: " + " / ".join(line.strip() for line in output.strip().splitlines()[-3:])


def _verified(arrived: Path, file: RemoteFile, folder: Path) -> Path:
    """The file, moved into ``folder`` in one step."""
    if not has_hash(arrived, file.hash):
        raise DownloadError(f"the index offers another file: its hash differs from {file.hash}")
    os.replace(arrived, folder / file.name)
    return folder / file.name


def _listed(file: RemoteFile) -> list[str]:
    """The addresses, as ``gave_up`` shows them."""
    return [f"  {url}\n    is for a browser" for url in file.urls]
