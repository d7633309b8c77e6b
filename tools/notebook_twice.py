"""Every code cell of every notebook executed twice in a row, in another folder than the course's.

    python -m tools.notebook_twice              all of them
    python -m tools.notebook_twice 05 06        those whose names begin so
    python -m tools.notebook_twice --junitxml=twice.xml     what begins with a dash is for pytest

A learner runs a cell again whenever something has been changed, and opens a notebook wherever it was copied to. So a
copy of each notebook is made in an empty folder in which each cell stands twice; of the pair, the second must print
what the notebook stores, and all that comes after it as well. nbval compares, within the same tolerances.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.notebooks import NOTEBOOKS

ROOT = NOTEBOOKS.parent
CELL_TIMEOUT = 300  # seconds


def doubled(notebook: NotebookNode) -> NotebookNode:
    """The notebook with each code cell twice: the first is run and not compared, the second is compared."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            first = copy.deepcopy(cell)
            first.id = f"{cell.id[:58]}-first"
            tags = [tag for tag in cell.metadata.get("tags", []) if tag != "nbval-ignore-output"]
            first.metadata["tags"] = [*tags, "nbval-ignore-output"]
            cells.append(first)
        cells.append(copy.deepcopy(cell))
    return nbformat.from_dict({**notebook, "cells": cells})


def write_doubled(paths: Sequence[Path], folder: Path) -> list[Path]:
    """A doubled copy of each notebook in ``folder``, and nothing else of the course."""
    copies = []
    for path in paths:
        copies.append(folder / path.name)
        nbformat.write(doubled(nbformat.read(path, as_version=4)), copies[-1])
    return copies


def command(copies: Sequence[Path], folder: Path, processes: int, more: Sequence[str] = ()) -> list[str]:
    """pytest over the copies, with the course's own settings for nbval and ``more`` options."""
    options = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(ROOT / "tests/notebooks/sanitize.cfg")]
    options += [*more, f"--nbval-cell-timeout={CELL_TIMEOUT}", "-n", str(processes), "--dist", "loadscope"]
    return [sys.executable, "-m", "pytest", "-p", "conftest", "--rootdir", str(folder), *options, *map(str, copies)]


def main(arguments: Sequence[str], processes: int = 2) -> int:
    """The exit code of pytest; 2 where no notebook has such a name."""
    options = [argument for argument in arguments if argument.startswith("-")]
    names = [argument for argument in arguments if argument not in options]
    prefixes = tuple(names) or ("",)
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path.name.startswith(prefixes)]
    if not paths:
        print(f"no notebook in {NOTEBOOKS} begins with {' or '.join(prefixes)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="each cell twice ") as name:
        folder = Path(name)
        return subprocess.run(command(write_doubled(paths, folder), folder, processes, options), cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
