"""How many faults of each kind the notebooks have, counted over the whole course: none, or something is to be done.

python -m tools.notebook_counts             what can be told without running the notebooks
python -m tools.notebook_counts --run       and, with each cell run twice in another folder, what fails there
python -m tools.notebook_counts --list      every fault in a line of its own
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools import course_map, glossary, notebook_exercises, notebook_twice
from tools.exercise_faults import KINDS
from tools.notebook_guards import GUARDS, Committed
from tools.notebooks import NOTEBOOKS

# What the learner would meet, and the guards or tests that know of it.
BY_GUARDS = {
    "lines or table cells that say only True or False": "results_are_shown",
    "teaching cells that assert": "asserts_are_guards",
    "figures without a guard of their claim": "figures_have_claims",
    "sliders without a still picture": "sliders_leave_a_picture",
    "cells over 20 lines or 88 columns": "size_is_readable",
}


def static_faults(paths: Sequence[Path]) -> dict[str, list[str]]:
    """Faults by kind, from the files alone."""
    committed = [Committed.load(path) for path in paths]
    found = {kind: [fault for one in committed for fault in GUARDS[name](one)] for kind, name in BY_GUARDS.items()}
    found["prerequisites that come later"] = list(course_map.faults(course_map.load()))
    terms = glossary.read(glossary.GLOSSARY.read_text(encoding="utf-8"))
    found["terms used before they are defined"] = [
        f"{path.stem}: {fault}"
        for path in paths
        for fault in glossary.faults(path.parent / "text" / f"{path.stem}.py", terms)
    ]
    kinds = ("asked", "predict", *KINDS)
    found |= {f"exercises, {kind}": [] for kind in kinds}
    for path in paths:
        for kind, sentences in notebook_exercises.faults(path).items():
            found[f"exercises, {kind}"] += [f"{path.stem}: {sentence}" for sentence in sentences]
    return found


def running_faults(paths: Sequence[Path]) -> Iterator[str]:
    """Cells that fail when each is run twice in a row in another folder; RuntimeError where pytest itself failed."""
    with tempfile.TemporaryDirectory(prefix="each cell twice ") as name:
        folder = Path(name)
        command = notebook_twice.command(notebook_twice.write_doubled(paths, folder), folder, processes=2)
        done = subprocess.run(command, cwd=notebook_twice.ROOT, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    yield from re.findall(r"(?m)^FAILED (?:.*/)?(\S+\.ipynb::Cell \d+)", done.stdout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the counts; 1 if any is above zero."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="store_true", help="also run every cell twice, in another folder")
    parser.add_argument("--list", action="store_true", help="name every fault")
    options = parser.parse_args(arguments)
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    found = static_faults(paths)
    if options.run:
        found["cells that fail on a second run, or in another folder"] = list(running_faults(paths))
    print(f"{len(paths)} notebooks")
    for kind, faults in found.items():
        print(f"{len(faults):5} {kind}")
        if options.list:
            print(*(f"        {fault}" for fault in faults), sep="\n")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
