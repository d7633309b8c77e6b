"""Recorded results: what long runs measured, read from wherever the course lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).resolve().parents[1] / "benchmarks" / "records"


def record(name: str) -> dict[str, Any]:
    """A recorded run, as ``benchmarks/records/NAME.json`` holds it: command, date, hardware, seed and figures.

    The notebook that calls it may run from any working directory, or have been copied elsewhere.

    Raises:
        FileNotFoundError: there is no such record, or this installation has none at all.

    Example:
        >>> record("digits_center_loss")["seed"]
        [0, 1, 2]
    """
    file = RECORDS / f"{name}.json"
    if file.is_file():
        return json.loads(file.read_text(encoding="utf-8"))
    known = ", ".join(sorted(path.stem for path in RECORDS.glob("*.json")))
    if not known:
        raise FileNotFoundError(
            f"the record {name!r} is missing: {RECORDS} holds none. Run the notebook in the course's own folder, "
            "which carries benchmarks/records."
        )
    raise FileNotFoundError(f"there is no record {name!r}; there are: {known}")
