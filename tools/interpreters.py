"""Finds a Python that the course runs on. Standard library only, any Python from 3.8."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tools.installer import SetupError

OLDEST, NEWEST = (3, 10), (3, 13)


def python_version(python: str | Path) -> tuple[int, int] | None:
    """The version of an interpreter, by running it; None where it does not run."""
    asked = [str(python), "-c", "import sys; print(sys.version_info[0], sys.version_info[1])"]
    try:
        answer = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        major, minor = answer.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def named(version: tuple[int, int]) -> str:
    """A version as people write it: 3.11."""
    return f"{version[0]}.{version[1]}"


def suitable_pythons() -> list[str]:
    """Supported interpreters on this machine, the one that runs this script first.

    Raises:
        SetupError: there is none; the message lists what was found.
    """
    in_venv = sys.prefix != sys.base_prefix  # perhaps the very environment that is about to be replaced
    running = getattr(sys, "_base_executable", sys.executable) if in_venv else sys.executable
    names = ["python3", *(f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)), "python"]
    found = dict.fromkeys(filter(None, [running, *map(shutil.which, names)]))
    versions = {python: python_version(python) for python in found}
    suitable = [python for python, version in versions.items() if version and OLDEST <= version <= NEWEST]
    if not suitable:
        seen = ", ".join(f"{python} is {named(version)}" for python, version in versions.items() if version)
        raise SetupError(
            f"The course needs Python {named(OLDEST)} to {named(NEWEST)}. Found: {seen or 'none'}.",
            "Install one (https://www.python.org/downloads/), or name one: PYTHON=/path/to/python3.12 make lab",
        )
    return suitable


def check_asked_python(python: str) -> None:
    """Refuse an interpreter that was asked for by name and cannot serve.

    Raises:
        SetupError: it does not run, or is too old or too new.
    """
    version = python_version(python)
    if version is None:
        raise SetupError(f"PYTHON={python} does not run.", "Give a command or a full path, such as PYTHON=python3.12")
    if not OLDEST <= version <= NEWEST:
        raise SetupError(
            f"PYTHON={python} is Python {named(version)}; the course needs {named(OLDEST)} to {named(NEWEST)}.",
            "Name another, or leave PYTHON out to have one looked for.",
        )
