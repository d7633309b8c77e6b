"""Stands in for Python and for uv in the tests of tools/bootstrap.py: quick, offline, and broken on demand.

It answers as an interpreter of version FAKE_VERSION, makes skeletons of virtual environments, and its uv and pip write
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
COURSE = ("COURSE_FULL", "COURSE_DATA", "COURSE_TERMS")
RECORDED = ("TMPDIR", "OMP_NUM_THREADS", "PYTHONPATH", "PIP_USER", "OMP_WAIT_POLICY", *COURSE)
FAULTS = {
    "offline": "error: Failed to fetch: `https://pypi.org/simple/torch/`\n  Caused by: dns error",
    "proxy": "WARNING: Retrying: ProxyError('Cannot connect to proxy.', NewConnectionError('Connection refused'))",
    "locked proxy": "error: Failed to fetch: `https://pypi.org/simple/torch/`\n  Caused by: tunnel error: unsuccessful",
    "certificate": "  Caused by: invalid peer certificate: UnknownIssuer",
    "no space": "error: failed to write to file: No space left on device (os error 28)",
    "index without packages": "error: No solution found\n  cause: Because six was not found in the package registry",
    "no index": "error: invalid value 'http://' for '--default-index <DEFAULT_INDEX>': empty host",
    "nothing offered": "  x No solution found when resolving dependencies: torch has no wheels",
}


def end(message: str) -> None:
    """As uv and pip do: what went wrong, and exit code 1."""
    print(message, file=sys.stderr)
    sys.exit(1)


def write_record(python: Path, name: str) -> None:
    """The record of an installed package, beside an environment's interpreter."""
    site = python.parents[1] / "lib" / f"python{VERSION.replace(' ', '.')}" / "site-packages"
    (site / f"{name}.dist-info").mkdir(parents=True, exist_ok=True)


def venv(folder: Path) -> None:
    """python -m venv FOLDER, uv venv FOLDER"""
    if FAULT == "no venv":
        print("The virtual environment was not created successfully because ensurepip is not\navailable.\n\nmore\n" * 3)
        sys.exit(1)
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(__file__, folder / "bin" / "python")


def install(python: Path, arguments: list[str], cpu: bool) -> None:
    """uv pip install ARGUMENTS, python -m pip install ARGUMENTS"""
    wanted = arguments[-1]
    if "--dry-run" in arguments or wanted.startswith("uv>="):
        if FAULT in FAULTS or (FAULT == "no cpu index" and cpu) or (FAULT == "no executorch" and "executor" in wanted):
            end(FAULTS.get(FAULT, "Connection refused"))
        if FAULT == "no uv" and wanted.startswith("uv>="):
            end("ERROR: No matching distribution found for uv")
        print(f" + torch==2.14.1{'+cpu' * cpu}\n + numpy==2.4.6")
    elif FAULT == "slow":
        write_record(python, "half-1.0")
        print("half installed", flush=True)
        time.sleep(60)
    elif FAULT == "breaks off":
        end("error: connection reset by peer")
    write_record(python, wanted.replace("==", "-") if "==" in wanted else "torch-2.14.1")
    if wanted.startswith("uv>="):
        shutil.copy(__file__, python.with_name("uv"))


def uv(arguments: list[str]) -> None:
    """uv ARGUMENTS"""
    if FAULT == "broken uv":
        end("Segmentation fault")
    if arguments == ["--version"]:
        print(os.environ.get("FAKE_UV", "uv 0.13.9"))
    elif arguments[0] == "venv":
        venv(Path(arguments[-1]))
    elif arguments[0] == "export":
        Path(next(word for word in arguments if word.startswith("-o"))[2:]).write_text("numpy==2.4.6\n", "utf-8")
    else:
        install(Path(arguments[arguments.index("--python") + 1]), arguments, "UV_TORCH_BACKEND" in os.environ)


def pytest(arguments: list[str]) -> None:
    """python -m pytest ARGUMENTS, also by way of a tool: the report of twelve tests, of 0 to 11 seconds."""
    (report,) = (Path(word.partition("=")[2]) for word in arguments if word.startswith("--junitxml="))
    cases = "".join(f'<testcase file="tests/test_a.py" name="test_{i}" time="{i}.0"/>' for i in range(12))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")


if __name__ == "__main__":
    called = Path(sys.argv[0])
    call = {"arguments": sys.argv[1:], **{name: os.environ.get(name) for name in RECORDED}}
    with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as log:
        log.write(json.dumps({"program": called.name, **call}) + "\n")
    if called.name == "uv":
        uv(sys.argv[1:])
    elif sys.argv[1] == "-c":
        print(VERSION)
    elif sys.argv[1:3] == ["-m", "venv"]:
        venv(Path(sys.argv[-1]))
    elif sys.argv[1:3] == ["-m", "pip"]:
        install(called, sys.argv[3:], "--extra-index-url" in sys.argv)
    elif FAULT and FAULT in sys.argv:
        sys.exit(1)
    elif sys.argv[1:3] in (["-m", "pytest"], ["-m", "tools.notebook_twice"]):
        pytest(sys.argv[3:])
    elif sys.argv[1].startswith("data_scripts/"):
        print("fetching")
