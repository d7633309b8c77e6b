"""Records of measurements: figures with the command, date, seed, hardware and versions that gave them."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

import course_lib

RECORDS = Path(__file__).parent / "records"


def write_record(name: str, command: str, seed: int | list[int], figures: dict[str, Any]) -> Path:
    """Write ``records/NAME.json``, whole or not at all, and return its path.

    The record names the processor, never the machine or its user. Raises ``ValueError`` for NaN and infinity, which
    JSON does not have.
    """
    record = {
        "command": command,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "seed": seed,
        "hardware": hardware(),
        "versions": versions(),
        "figures": figures,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    # A list of numbers stays on one line: a record is also read by people, and compared line by line.
    text = re.sub(r"\[[^\[\]{}\"]*\]", lambda match: re.sub(r"\s+", " ", match[0]), text)
    path = RECORDS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text + "\n", encoding="utf-8")
    os.replace(unfinished, path)
    return path


def read_record(name: str) -> dict[str, Any]:
    """The record of that name; raises ``FileNotFoundError`` that names the command which writes it."""
    path = RECORDS / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(f"there is no record {path.name}; write it with: python -m benchmarks {name}")
    return json.loads(path.read_text(encoding="utf-8"))


def recorded_runs(name: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs that a long measurement has recorded so far, to go on from; none if that was another.

    Another measurement is one with other settings, other versions or other hardware: its runs are not mixed with ours.
    """
    try:
        record = read_record(name)
    except FileNotFoundError:
        return []
    same = (record["hardware"], record["versions"], record["figures"]["settings"]) == (
        hardware(),
        versions(),
        json.loads(json.dumps(settings)),
    )
    return record["figures"]["runs"] if same else []


def hardware() -> dict[str, Any]:
    """What the time depends on: the kind of processor, its cores, and memory in GB."""
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
    }


def versions() -> dict[str, str]:
    """Of the library, Python and what the numbers come from."""
    packages = {package: version(package) for package in ("torch", "numpy")}
    return {"course_lib": course_lib.__version__, "python": platform.python_version(), **packages}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()
