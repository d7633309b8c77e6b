"""uv, or pip where there is no uv, and their failures as a sentence and a remedy. Standard library, Python 3.8 on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"
PRIVATE = CACHE / "uv"
SECONDS = 60  # after which a program that is asked for its version hangs
WANTED_UV, OLDEST_UV = "uv>=0.13,<0.14", (0, 13)  # the oldest as in pyproject.toml
REMEDIES = (
    (
        r"No space left on device|ENOSPC|Disk quota exceeded|not enough space on the disk|\[WinError 112\]",
        "The disk is full.",
        "Free some space",
    ),
    (
        r"Read-only file system|Permission denied|\[WinError 5\]",
        "A file could not be written.",
        "Copy the course to a folder of your own, or close the programs that use its .venv",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|invalid peer certificate",
        "The package index's certificate was not accepted.",
        "Behind a proxy that inspects traffic, point SSL_CERT_FILE and PIP_CERT to its certificate",
    ),
    (
        r"name resolution|Name or service not known|nodename nor servname|getaddrinfo failed|dns error|ProxyError"
        r"|NewConnectionError|Connection refused|Network is unreachable|timed out|error sending request"
        r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|Proxy Authentication|HTTP status|HTTP error|tunnel",
        "The package index could not be reached.",
        "Check the network; behind a proxy set HTTPS_PROXY, and for a mirror UV_DEFAULT_INDEX and PIP_INDEX_URL",
    ),
    (
        r"do not match the hashes|Hash mismatch|IncompleteRead|BadZipFile",
        "A download arrived broken.",
        "Run uv cache clean or python -m pip cache purge",
    ),
    (
        r"invalid value .* for '--(default-)?index|was not found in the package registry|non-existing path or lacks",
        "The address given for the package index does not lead to one.",
        "Set UV_DEFAULT_INDEX or PIP_INDEX_URL to a mirror's address (https://HOST/simple), or to nothing",
    ),
    (
        r"No matching distribution found|ResolutionImpossible|No solution found",
        "A required version is not offered for this Python and operating system.",
        "Name another Python (PYTHON=python3.12), or use conda: see docs/setup.md",
    ),
    (
        r"ensurepip|No module named",
        "Its module venv or ensurepip is missing.",
        "On Debian or Ubuntu: sudo apt install python3-venv; elsewhere name another (PYTHON=/path/to/python3)",
    ),
    (
        r"No interpreter found|No download found|No Python found",
        "There is no Python that the course runs on.",
        "Install one (https://www.python.org/downloads/), or name one: PYTHON=/path/to/python3.12 make lab",
    ),
)


class SetupError(Exception):
    """The environment could not be made ready: what happened, and what to do. Shown without a traceback."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}\n{remedy}")

    @classmethod
    def from_output(cls, doing: str, output: str) -> SetupError:
        """The failure that a program's output tells of."""
        for pattern, what, remedy in REMEDIES:
            if re.search(pattern, output, re.IGNORECASE):
                return cls(f"{doing}. {what}", f"{remedy}, then give the same command again.")
        last = "\n".join(f"    {line}" for line in output.strip().splitlines()[-5:])
        return cls(f"{doing}. It said last:\n{last}", "When that is dealt with, give the same command again.")


def say(message: str) -> None:
    """One message to the person at the terminal, ahead of what the next program prints."""
    print(f"[face-course] {message}", flush=True)


def answer(doing: str, command: list[str], torch: str = "", seconds: float | None = None) -> str:
    """What a program prints, without showing it.

    Raises:
        SetupError: it failed, or took longer than ``seconds``; the message begins with what was being done.
    """
    try:
        done = subprocess.run(
            command,
            cwd=str(ROOT),
            env=settings(torch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
        )
    except (OSError, subprocess.TimeoutExpired) as error:  # no program, one for another machine, or one that hangs
        raise SetupError.from_output(doing, str(error)) from None
    if done.returncode != 0:
        raise SetupError.from_output(doing, done.stdout)
    return done.stdout


def settings(torch: str = "") -> dict[str, str]:
    """The user's settings for uv and pip, less those that would install somewhere else than into the environment.

    Args:
        torch: uv's backend for PyTorch; empty for what the package index serves.
    """
    unwanted = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "UV_TORCH_BACKEND", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    temporary = CACHE / "tmp"  # many systems keep /tmp in memory, too small for pip's PyTorch
    temporary.mkdir(parents=True, exist_ok=True)
    # In UTF-8, or else no package can be built in a folder of another name than the locale's letters make.
    kept.update({"PIP_USER": "0", "PYTHONUTF8": "1", **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))})
    kept.setdefault("PIP_RETRIES", "1")  # with its own five, pip takes minutes to say that there is no network
    return {**kept, "UV_TORCH_BACKEND": torch} if torch else kept


def program(folder: Path, name: str) -> Path:
    """Where a virtual environment keeps a program, whether it exists or not."""
    return folder / "Scripts" / f"{name}.exe" if os.name == "nt" else folder / "bin" / name


def find_uv(python: str) -> str | None:
    """The uv on the path, or else one of the project's own, installed now if need be; None where pip is to do.

    Args:
        python: an interpreter that can make a virtual environment for it.
    Raises:
        SetupError: the one on the path is broken, or the package index cannot be reached.
    """
    if os.environ.get("PIP", "").strip() == "1":
        return None
    found, private = shutil.which("uv"), str(program(PRIVATE, "uv"))
    if found:
        version = uv_version(found)
        if version is None:
            raise SetupError(f"{found} does not run.", "Mend or remove it, or do without it: make lab PIP=1")
        if version >= OLDEST_UV:
            return found
    return private if uv_version(private) or install_uv(python) else None


def uv_version(uv: str) -> tuple[int, ...] | None:
    """The version of a uv, by running it; None where it does not run."""
    try:
        version = re.match(r"uv (\d+)\.(\d+)", answer(uv, [uv, "--version"], seconds=SECONDS))
    except SetupError:
        return None
    return tuple(map(int, version.groups())) if version else None


def install_uv(python: str) -> bool:
    """Install a uv into a folder of the project; whether one is offered for this machine."""
    say("Fetching uv, which installs the packages (20 MB).")
    shutil.rmtree(str(PRIVATE), ignore_errors=True)
    try:
        make_venv(python, PRIVATE)
        pip = [str(program(PRIVATE, "python")), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        answer("uv could not be installed", [*pip, WANTED_UV])
    except SetupError as error:
        shutil.rmtree(str(PRIVATE), ignore_errors=True)
        if "not offered" not in str(error):
            raise
        say("There is no uv for this machine. Going on with pip, which takes longer.")
        return False
    return True


def make_venv(python: str, folder: Path) -> None:
    """A virtual environment with pip, by Python's own means."""
    answer(f"{python} could not make a virtual environment", [python, "-m", "venv", str(folder)])
