"""Which Pythons the course runs on, and which this one is. Standard library only, any Python from 3.8."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tools.installer import SetupError

_REQUIRES = r'^requires-python = ">=3\.(\d+),<3\.(\d+)"'
_MINORS = re.search(_REQUIRES, Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"), re.MULTILINE)
OLDEST, NEWEST = (3, int(_MINORS.group(1))), (3, int(_MINORS.group(2)) - 1)


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


def running_python() -> str:
    """The interpreter that runs this script; within a virtual environment, perhaps an old .venv, the one behind it."""
    return getattr(sys, "_base_executable", sys.executable) if sys.prefix != sys.base_prefix else sys.executable


def is_supported(python: str) -> bool:
    """Whether the course runs on an interpreter."""
    return OLDEST <= (python_version(python) or (0, 0)) <= NEWEST


def check(python: str, called: str) -> None:
    """Refuse an interpreter that cannot serve.

    Raises:
        SetupError: it does not run, or is too old or too new.
    """
    version = python_version(python)
    if version is None:
        raise SetupError(f"{called} does not run.", "Give a command or a full path, such as PYTHON=python3.12")
    if not is_supported(python):
        raise SetupError(
            f"{called} is Python {named(version)}; the course needs {named(OLDEST)} to {named(NEWEST)}.",
            "Name another, as in make lab PYTHON=/path/to/python3.12, or install one: https://www.python.org/downloads/",
        )
