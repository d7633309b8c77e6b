"""Stands in for a Python interpreter in the tests of tools/bootstrap.py: quick, offline, and broken on demand.

It answers as an interpreter of version FAKE_VERSION, makes skeletons of virtual environments, and its pip writes
only the records of packages. Each call is a line of the file FAKE_LOG; FAKE_FAULT names what goes wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

FAULT = os.environ.get("FAKE_FAULT", "")
VERSION = os.environ.get("FAKE_VERSION", "3 11")
RECORDED = ("TMPDIR", "OMP_NUM_THREADS", "COURSE_FULL", "COURSE_DATA", "PYTHONPATH", "PIP_USER", "OMP_WAIT_POLICY")


def write_package(site: Path, name: str, whole: bool = True) -> None:
    """The record of an installed package, with or without the file it lists."""
    record = site / f"{name}.dist-info"
    record.mkdir(parents=True, exist_ok=True)
    (record / "RECORD").write_text(f"{name}.py,sha256=x,4\n{name}.dist-info/RECORD,,\n", encoding="utf-8")
    (site / f"{name}.py").write_text("pass" if whole else "pa", encoding="utf-8")


def venv(folder: Path) -> None:
    """python -m venv FOLDER"""
    if FAULT == "no venv":
        print("The virtual environment was not created successfully because ensurepip is not\navailable.")
        sys.exit(1)
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(__file__, folder / "bin" / "python")
    write_package(site_packages(folder), "pip-24.0")


def site_packages(folder: Path) -> Path:
    """Where the environment keeps its packages."""
    return folder / "lib" / f"python{VERSION.replace(' ', '.')}" / "site-packages"


def pip(arguments: list[str]) -> None:
    """python -m pip ARGUMENTS"""
    site = site_packages(Path(sys.argv[0]).parents[1])
    from_cpu_index = "--index-url" in arguments
    if FAULT == "disk full":
        print("ERROR: Exception:\nTraceback (most recent call last):\n  File 'pip'\nOSError", file=sys.stderr)
        print("ERROR: Could not install: [Errno 28] No space left on device", file=sys.stderr)
        sys.exit(1)
    if FAULT == "offline" or (FAULT == "no cpu index" and from_cpu_index):
        print("WARNING: Retrying: Temporary failure in name resolution", file=sys.stderr)
        sys.exit(1)
    if FAULT == "slow":
        write_package(site, "half-1.0", whole=False)
        print("half installed", flush=True)
        time.sleep(60)
    if FAULT == "no executorch" and arguments[-1].startswith("executorch"):
        print("ERROR: No matching distribution found for executorch", file=sys.stderr)
        sys.exit(1)
    if arguments[-1].startswith("executorch"):
        write_package(site, arguments[-1].replace("==", "-"))
    write_package(site, "torch-2.14.1+cpu" if from_cpu_index else "torch-2.14.1")


def pytest(arguments: list[str]) -> None:
    """python -m pytest ARGUMENTS, also by way of a tool: the report of twelve tests, of 0 to 11 seconds."""
    (report,) = (Path(word.partition("=")[2]) for word in arguments if word.startswith("--junitxml="))
    cases = "".join(f'<testcase file="tests/test_a.py" name="test_{i}" time="{i}.0"/>' for i in range(12))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")


if __name__ == "__main__":
    call = {"arguments": sys.argv[1:], **{name: os.environ.get(name) for name in RECORDED}}
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps(call) + "\n")
    if sys.argv[1] == "-c":
        print(VERSION)
    elif sys.argv[1:3] == ["-m", "venv"]:
        venv(Path(sys.argv[3]))
    elif sys.argv[1:3] == ["-m", "pip"]:
        pip(sys.argv[3:])
    elif FAULT and FAULT in sys.argv:
        sys.exit(1)
    elif sys.argv[1:3] in (["-m", "pytest"], ["-m", "tools.notebook_twice"]):
        pytest(sys.argv[3:])
    elif sys.argv[1].startswith("data_scripts/"):
        print("fetching")
