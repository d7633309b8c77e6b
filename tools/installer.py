"""Runs pip and turns its failures into a sentence and a remedy. Standard library only, any Python from 3.8."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

NO_SPACE = (
    r"No space left on device|Disk quota exceeded|not enough space on the disk|\[Errno 28\]|\[WinError 112\]|ENOSPC"
)
REMEDIES = (
    (NO_SPACE, "The disk is full.", "Free some space"),
    (
        r"Temporary failure in name resolution|Name or service not known|nodename nor servname|getaddrinfo failed"
        r"|NewConnectionError|ConnectTimeout|Connection refused|Network is unreachable|Read timed out|ProxyError"
        r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT",
        "The package index could not be reached.",
        "Check the network, and behind a proxy set HTTPS_PROXY",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "The package index's certificate was not accepted.",
        "Behind a proxy that inspects traffic, point PIP_CERT to its certificate",
    ),
    (
        r"do not match the hashes|IncompleteRead|BadZipFile",
        "A download arrived broken.",
        "Run python -m pip cache purge",
    ),
    (r"Permission denied|\[WinError 5\]", "A file could not be written.", "Close programs that use .venv"),
    (
        r"No matching distribution found|ResolutionImpossible",
        "A required version is not offered for this Python and operating system.",
        "Name another Python (PYTHON=python3.11), or use conda: see README.md",
    ),
)


class SetupError(Exception):
    """The environment could not be made ready: what happened, and what to do. Shown without a traceback."""

    def __init__(self, what: str, remedy: str, disk_is_full: bool = False) -> None:
        super().__init__(f"{what}\n{remedy}")
        self.disk_is_full = disk_is_full

    @classmethod
    def from_output(cls, doing: str, output: str) -> SetupError:
        """The failure that a program's output tells of."""
        again = "give the same command again: it goes on from here."
        for pattern, what, remedy in REMEDIES:
            if re.search(pattern, output, re.IGNORECASE):
                return cls(f"{doing}. {what}", f"{remedy}, then {again}", disk_is_full=pattern is NO_SPACE)
        last = "\n".join(f"    {line}" for line in output.strip().splitlines()[-5:])
        return cls(f"{doing}. It said last:\n{last}", f"When that is dealt with, {again}")


def run_pip(python: Path, arguments: list[str], root: Path, cache: Path, lock: int | None = None) -> None:
    """Run the environment's pip, showing its progress but not its tracebacks.

    Args:
        root: the folder to run in.
        cache: where the log and the temporary files go: many systems keep /tmp in memory, too small for PyTorch.
        lock: an open file that pip holds open too.
    Raises:
        SetupError: pip failed.
    """
    temporary = cache / "tmp"
    shutil.rmtree(str(temporary), ignore_errors=True)  # what a killed pip left
    temporary.mkdir(parents=True)
    log = cache / "pip.log"
    command = [str(python), "-m", "pip", "--log", str(log), "--disable-pip-version-check", "--no-input", *arguments]
    process = subprocess.Popen(
        command,
        cwd=str(root),
        env=pip_environment(temporary),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        pass_fds=() if lock is None or os.name == "nt" else (lock,),
    )
    try:
        complaints = show_without_tracebacks(process.stderr)
        process.wait()
    except BaseException:
        stop(process)
        raise
    finally:
        shutil.rmtree(str(temporary), ignore_errors=True)
    if process.returncode != 0:
        raise SetupError.from_output(f"The installation stopped (all of it: {log.relative_to(root)})", complaints)


def pip_environment(temporary: Path) -> dict[str, str]:
    """The user's settings for pip, less those that would install somewhere else than into the environment."""
    unwanted = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "PIP_USER": "0", **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))}


def show_without_tracebacks(lines) -> str:
    """Pass a program's complaints on as they come, except tracebacks; return all of them."""
    everything, hidden = [], False
    for line in lines:
        everything.append(line)
        if line.startswith(("Traceback (most recent call last)", "ERROR: Exception:")):
            hidden = True
        elif line.startswith(("ERROR:", "WARNING:", "DEPRECATION:")):
            hidden = False
        if not hidden:
            sys.stderr.write(line)
            sys.stderr.flush()
    return "".join(everything)


def stop(process: subprocess.Popen) -> None:
    """End a program that was interrupted, politely first."""
    try:
        process.wait(timeout=2)  # Ctrl-C reached it as well
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
