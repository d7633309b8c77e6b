"""The stages of `make test`: what each runs, how long it took, and its slowest tests. Standard library only."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tools.installer import CACHE, ROOT, SetupError

AT_A_TIME = 2  # processes that share the tests of a stage
CELL_TIMEOUT = 300  # seconds for one cell, far above the 90 that a whole notebook may take
SLOW = 2.0  # seconds; a quick test is never meant to take longer


class Stage(NamedTuple):
    """A part of the tests that is timed and reported by itself."""

    name: str
    commands: Callable[[str], list[list[str]]]  # of the environment's Python
    threads: int = max(1, (os.cpu_count() or 1) // AT_A_TIME)  # of each process


class Result(NamedTuple):
    """How a stage ended."""

    stage: Stage
    failed: bool
    seconds: float
    tests: list[tuple[float, str]]  # the seconds and the name of each


def lint(python: str) -> list[list[str]]:
    """Ruff twice: rules, then format."""
    ruff = [python, "-m", "ruff"]
    return [[*ruff, "check", "."], [*ruff, "format", "--check", "."]]


def unit_tests(python: str) -> list[list[str]]:
    """pytest over tests/; a process that has nothing left to do takes over tests from the other."""
    return [[python, "-m", "pytest", "-n", str(AT_A_TIME), "--dist", "worksteal"]]


def quick_tests(python: str) -> list[list[str]]:
    """The unit tests without those that are marked slow."""
    return [[*command, "-m", "not slow"] for command in unit_tests(python)]


def notebooks(python: str) -> list[list[str]]:
    """pytest over every notebook, in nbval's strict mode: each stored output is compared."""
    found = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "notebooks").glob("*.ipynb"))
    if not found:
        raise SetupError("There are no notebooks in notebooks/.", "Restore them: git checkout notebooks")
    options = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/notebooks/sanitize.cfg"]
    options += [f"--nbval-cell-timeout={CELL_TIMEOUT}", "-n", str(AT_A_TIME), "--dist", "loadscope"]
    return [[python, "-m", "pytest", *options, *found]]


def notebooks_twice(python: str) -> list[list[str]]:
    """Every notebook once more, from another folder and with each cell run twice in a row."""
    return [[python, "-m", "tools.notebook_twice"]]


LINT = Stage("lint", lint)
ALL = (
    LINT,
    Stage("unit tests", unit_tests, threads=1),
    Stage("notebooks", notebooks),
    Stage("notebooks, each cell twice", notebooks_twice),
)
QUICK = (LINT, Stage("quick tests", quick_tests, threads=1))


def run(stages: tuple[Stage, ...], python: str, start: Callable[[list[str], Stage], int]) -> bool:
    """Run every stage, whether or not one fails, and say how each went; whether all passed.

    Args:
        start: runs one command with the settings of its stage; its exit code.
    """
    planned = [(stage, stage.commands(python)) for stage in stages]
    results = [run_stage(stage, commands, start) for stage, commands in planned]
    for result in results:
        print(slowest(result), end="")
    print()
    width = max(len(stage.name) for stage in stages)
    for stage, failed, seconds, _ in results:
        print(f"{stage.name:{width}}  {'FAILED' if failed else 'passed'} in {seconds:.0f} s")
    return not any(result.failed for result in results)


def run_stage(stage: Stage, commands: list[list[str]], start: Callable[[list[str], Stage], int]) -> Result:
    """One stage, with the report that pytest writes; ruff writes none."""
    report = CACHE / "reports" / f"{stage.name}.xml"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    codes = []
    for command in commands:
        reported = [f"--junitxml={report}", "-ojunit_family=xunit1"] if "ruff" not in command else []
        codes.append(start([*command, *reported], stage))
    return Result(stage, any(codes), time.monotonic() - began, read(report) if report.exists() else [])


def read(report: Path) -> list[tuple[float, str]]:
    """The seconds and the name of each test of pytest's report."""
    cases = ElementTree.parse(str(report)).iter("testcase")
    return [(float(case.get("time", 0)), f"{case.get('file')}::{case.get('name')}") for case in cases]


def slowest(result: Result, count: int = 10) -> str:
    """The slowest tests of a stage, a line each; among quick tests, what is too slow to be one is told."""
    lines = []
    for seconds, name in sorted(result.tests, reverse=True)[:count]:
        told = "  <- mark it slow, or make it quick" if result.stage in QUICK and seconds > SLOW else ""
        lines.append(f"{seconds:8.1f} s  {name}{told}\n")
    return f"\nThe slowest of the stage {result.stage.name}:\n{''.join(lines)}" if lines else ""
