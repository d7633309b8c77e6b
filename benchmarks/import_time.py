"""How long ``import course_lib`` takes: nothing heavy is imported before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.comparison import interleaved, spread
from benchmarks.record import write_record

PROGRAMS = {"pass": "pass", "course_lib": "import course_lib", "torch": "import torch"}


def main() -> dict[str, Any]:
    """Measure, and write the record."""
    figures = measure(rounds=9)
    write_record("import_time", "python -m benchmarks import_time", 0, figures)
    return figures


def measure(rounds: int) -> dict[str, Any]:
    """Start a fresh Python for each import, and take off what an empty program costs in the same round."""
    for program in PROGRAMS.values():
        start(program)  # the files are read from disk once
    race = interleaved({name: lambda program=program: start(program) for name, program in PROGRAMS.items()}, rounds)
    empty, own, torch = (race.seconds[name] for name in PROGRAMS)
    return {
        "others_cpu_percent": race.others_percent,
        "seconds": {name: [round(value, 4) for value in seconds] for name, seconds in race.seconds.items()},
        "comparisons": [
            spread("import course_lib", minus(own, empty), target=0.3, at_least=False, unit="s").plain(),
            spread("import torch, for comparison", minus(torch, empty), unit="s").plain(),
        ],
    }


def minus(seconds: list[float], empty: list[float]) -> list[float]:
    """What the import adds to an empty program, in each round."""
    return [a - b for a, b in zip(seconds, empty, strict=True)]


def start(program: str) -> None:
    """Run a program in a Python of its own."""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])
