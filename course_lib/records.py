"""Recorded results: what long runs measured, read from wherever the course lies."""

from __future__ import annotations

import json
from typing import Any

from course_lib.shipped import shipped

RECORDS = shipped("records")


def record(name: str) -> dict[str, Any]:
    """A recorded run, ``benchmarks/records/NAME.json`` in a clone: command, date, hardware, seed and figures.

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
            f"the record {name!r} is missing: {RECORDS} holds none. Install the course anew (pip install face-course), "
            "or run the notebook in a clone, which carries benchmarks/records."
        )
    raise FileNotFoundError(f"there is no record {name!r}; there are: {known}")
