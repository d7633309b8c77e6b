"""What the course carries beside the library: notebooks, records, data scripts, the page. Standard library only."""

from __future__ import annotations

from pathlib import Path

LIBRARY = Path(__file__).resolve().parent
INSTALLED = LIBRARY / "_course"  # in a wheel; a clone has none
# Where each part lies in a clone. pyproject.toml names the same folders, and brings them into the wheel.
PARTS = {
    "notebooks": "notebooks",
    "data_scripts": "data_scripts",
    "records": "benchmarks/records",
    "page": "web/dist",
    "jupyter": "tools/jupyter",
}


def shipped(part: str) -> Path:
    """The folder of one of ``PARTS``, in a clone or where pip installed the course; it may be missing.

    Raises:
        KeyError: there is no such part.
    """
    in_clone = LIBRARY.parent / PARTS[part]
    return INSTALLED / part if INSTALLED.is_dir() else in_clone
