"""How far the numbers that a notebook prints move between machines, measured, beside the tolerances of its cells.

    python -m tools.notebook_spread 05              runs the notebooks whose names begin so, and prints the table
    python -m tools.notebook_spread --suggest 05    and the tolerance that each cell should declare
    python -m tools.notebook_spread --record        all, two variants at a time with --jobs 2, into the record

Each notebook runs from its text twin under every variant below. A notebook whose code has not changed since its record
is not run again, so an interrupted sweep goes on where it stopped, and a changed tolerance is judged at once. With
--again it is, and its spread is then over these runs and the earlier ones: processors differ by more than the variants
show. The record also keeps the values of the guards, which tests judge again with the values moved.

Which variants: measured on a processor with AVX-512, `ATEN_CPU_CAPABILITY=default` moves every operation of PyTorch, a
second thread the gradients of its convolutions and LAPACK. `ONEDNN_MAX_CPU_ISA` moves its convolutions, `MKL_CBWR` its
matrix products and logarithms, `OPENBLAS_CORETYPE` those of numpy, `NPY_DISABLE_CPU_FEATURES` numpy's exponentials:
together they make a processor without AVX-512. onnxruntime has no such switch; its kernels are not varied.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from tqdm import tqdm

from benchmarks.record import hardware, read_record, versions, write_record
from course_lib import machine

from . import notebooks
from .guard_claims import Claim, n_numbers
from .nbval_numbers import compared_pieces, is_compared
from .notebook_tasks import tagged
from .number_spread import Spread, packed, suggestion, too_tight, too_wide, unpacked
from .printed_numbers import Number, Tolerance, differences, numbers_of

NAME = "notebook_spread"
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
VARIANTS = {
    "1 thread": ONE_THREAD,
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "no vector instructions": {**ONE_THREAD, "ATEN_CPU_CAPABILITY": "default"},
    "AVX2": {
        **ONE_THREAD,
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4",
    },
}
BASE = "1 thread"
LARGEST_VALUE = 500  # numbers that one value of a guard may hold
_ANYTHING = Tolerance(points=Decimal("inf"), plain=Decimal("inf"))


@dataclass(frozen=True)
class Printed:
    """What one run of a notebook printed in each compared cell, by its id, and each guard's values, by its sentence."""

    cells: dict[str, list[str | Number]]
    guards: dict[str, dict[str, Any]]


def digest(notebook: NotebookNode) -> str:
    """Names the code of a notebook: the record of another code is out of date."""
    code = "\n".join(f"{cell.id}\n{cell.source}" for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def run_variant(
    run: notebooks.Run, variant: str, environment: Mapping[str, str], timeout: float, on_cell: Callable[[], None]
) -> Printed:
    """Execute a notebook under a variant; RuntimeError names the cell and the error if one fails."""
    switches = {name for switched in VARIANTS.values() for name in switched}
    kept = {name: value for name, value in environment.items() if name not in switches}
    # Threads that spin while they wait would slow down the run beside.
    kept |= {**machine.SETTINGS, "COURSE_GUARDS": "1", "TQDM_DISABLE": "1"}
    if variant == BASE:
        run.notebook = with_guard_values(run.notebook)
    notebooks.execute(run, {**kept, **VARIANTS[variant]}, timeout, on_cell)
    if run.error:
        raise RuntimeError(f"under {variant}, {run.error}")
    return collect(run.notebook)


def with_guard_values(notebook: NotebookNode) -> NotebookNode:
    """The notebook with guards that print their values as JSON.

    ValueError names a cell that is tagged guard and is none, and a sentence that two guards share.
    """
    notebook, sentences = copy.deepcopy(notebook), set()
    for position, cell in enumerate(notebook.cells, 1):
        if tagged(cell, "guard"):
            try:
                claim = Claim.read(cell.source)
            except (ValueError, SyntaxError) as error:
                raise ValueError(f"cell {position} is tagged guard: {error}") from None
            if claim.sentence in sentences:
                raise ValueError(f"cell {position} repeats the sentence of another guard: {claim.sentence!r}")
            sentences.add(claim.sentence)
            cell.source += f"\n{claim.snippet()}"
    return notebook


def collect(notebook: NotebookNode) -> Printed:
    """Take what was printed from an executed notebook. Guards print nothing but their values."""
    cells, guards = {}, {}
    for cell in notebook.cells:
        if tagged(cell, "guard"):
            guards |= guard_values(cell)
        elif is_compared(cell):
            cells[cell.id] = compared_pieces(cell.outputs)
    return Printed(cells, guards)


def guard_values(cell: NotebookNode) -> dict[str, dict[str, Any]]:
    """The encoded values that an executed guard printed, by its sentence; nothing where it was not asked to."""
    printed = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
    return {
        sentence: {
            name: value if n_numbers(value) <= LARGEST_VALUE else {"unreadable": f"a list of {n_numbers(value):,}"}
            for name, value in values.items()
        }
        for sentence, values in json.loads(printed or "{}").items()
    }


def unlike(runs: Mapping[str, Printed]) -> Iterator[str]:
    """Where words, or their number, differ between the variants, and where a number is none."""
    for variant, run in runs.items():
        for cell, pieces in run.cells.items():
            for line in differences(runs[BASE].cells[cell], pieces, _ANYTHING):
                yield f"under {variant}, cell {cell}: {line}"


def entry_of(notebook: NotebookNode, runs: Mapping[str, Printed]) -> dict[str, Any]:
    """What the record keeps of a notebook. All variants must have printed the same words."""
    numbers = {
        cell: {variant: numbers_of(run.cells[cell]) for variant, run in runs.items()} for cell in runs[BASE].cells
    }
    installed = versions()
    return {
        "code": digest(notebook),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "made_with": f"{hardware()['processor']}, torch {installed['torch']}, numpy {installed['numpy']}",
        "cells": {cell: packed(found) for cell, found in numbers.items() if found[BASE]},
        "guards": runs[BASE].guards,
    }


def joined(entry: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with what an earlier sweep of the same code printed, on whatever machine that ran."""
    sweep = earlier.get("sweeps", 1)
    cells = {}
    for cell, found in entry["cells"].items():
        before = {
            name if ", sweep " in name else f"{name}, sweep {sweep}": text
            for name, text in earlier["cells"].get(cell, {}).items()
        }
        cells[cell] = {**found, **before}
    return {**entry, "sweeps": sweep + 1, "cells": cells}


def table(notebook: NotebookNode, entry: Mapping[str, Any], suggest: bool = False) -> Iterator[tuple[str, bool]]:
    """Lines to print about a notebook, each with whether it states a fault: the spread of every number by cells."""
    for position, cell in enumerate(notebook.cells, 1):
        if not is_compared(cell) or cell.id not in entry["cells"]:
            if cell.metadata.get("tolerance"):
                yield f"cell {position} ({cell.id}): tolerance {cell.metadata.tolerance}, prints no number", True
            continue
        declared, spreads = cell.metadata.get("tolerance"), unpacked(entry["cells"][cell.id])
        tolerance = Tolerance.parse(declared)
        yield f"cell {position} ({cell.id}): tolerance {declared or 'none'}", False
        if not declared and not any(spread.width for spread in spreads):
            yield f"    {len(spreads)} numbers, equal in all runs", False
            continue
        for spread in spreads:
            yield f"    {_row(spread, tolerance)}", False
        yield from ((f"    TOO TIGHT: {fault}", True) for fault in too_tight(spreads, tolerance))
        yield from ((f"    TOO WIDE: {fault}", True) for fault in too_wide(spreads, tolerance))
        if suggest and suggestion(spreads):
            yield f'    suggested: tolerance="{suggestion(spreads)}"', False


def _row(spread: Spread, tolerance: Tolerance) -> str:
    share = f"{100 * spread.relative:.2g} %" if spread.relative.is_finite() else "of zero"
    allowed = tolerance.allowed(spread.number)
    return f"{spread.number!s:>14}  spread {spread.width:f} ({share}), allowed {allowed:f}"


def recorded() -> dict[str, Any]:
    """The entries of the record by notebook; none where there is no record yet."""
    try:
        return read_record(NAME)["figures"]["notebooks"]
    except FileNotFoundError:
        return {}


def write_entry(name: str, entry: Mapping[str, Any]) -> None:
    """Put one notebook's entry into the record, and leave the others as they are."""
    entries = dict(sorted({**recorded(), name: entry}.items()))
    write_record(NAME, f"python -m tools.{NAME} --record", [], {"variants": VARIANTS, "notebooks": entries})


def measure(
    sources: Mapping[Path, NotebookNode], jobs: int, timeout: float
) -> Iterator[tuple[Path, dict[str, Printed] | str]]:
    """Run the notebooks under all variants, `jobs` runs at a time; each with its runs, or with what went wrong."""
    runs = {
        (twin, variant): notebooks.Run(twin, copy.deepcopy(source))
        for twin, source in sources.items()
        for variant in VARIANTS
    }
    n_cells = sum(cell.cell_type == "code" for run in runs.values() for cell in run.notebook.cells)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        bar = tqdm(total=n_cells, unit="cell", disable=None)
        options = notebooks.kernel_environment(1, folder), timeout, bar.update
        futures = {key: pool.submit(run_variant, run, key[1], *options) for key, run in runs.items()}
        try:
            for twin in sources:
                try:
                    yield twin, {variant: futures[twin, variant].result() for variant in VARIANTS}
                except (RuntimeError, ValueError) as error:
                    yield twin, str(error)
        except BaseException:  # interrupted: running kernels would go on to the end
            pool.shutdown(wait=False, cancel_futures=True)
            notebooks._kill_kernels(list(runs.values()))
            raise
        finally:
            bar.close()


def report(name: str, notebook: NotebookNode, entry: Mapping[str, Any], suggest: bool) -> bool:
    """Print the table of a notebook, and return whether its tolerances fit."""
    print(f"{name}, run on {entry['date']} with {entry['made_with']}")
    lines = list(table(notebook, entry, suggest))
    print(*(line for line, _ in lines), "", sep="\n", flush=True)
    return not any(is_fault for _, is_fault in lines)


def sweep(sources: Mapping[Path, NotebookNode], options: argparse.Namespace) -> bool:
    """Measure and report the notebooks, and record them if asked to; returns whether every tolerance fits."""
    known = {} if options.again else recorded()
    to_run = {}
    fits = True
    for twin, notebook in sources.items():
        if known.get(twin.stem, {}).get("code") == digest(notebook):
            fits &= report(twin.stem, notebook, known[twin.stem], options.suggest)
        else:
            to_run[twin] = notebook
    for twin, runs in measure(to_run, options.jobs, options.timeout):
        problems = [runs] if isinstance(runs, str) else list(unlike(runs))
        if problems:
            print(*(f"{twin.stem}, nothing recorded: {problem}" for problem in problems), sep="\n", file=sys.stderr)
            fits = False
            continue
        entry = entry_of(sources[twin], runs)
        earlier = recorded().get(twin.stem, {})
        if earlier.get("code") == entry["code"]:
            entry = joined(entry, earlier)
        if options.record:
            write_entry(twin.stem, entry)
        fits &= report(twin.stem, sources[twin], entry, options.suggest)
    return fits


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns 0 if every tolerance fits, 1 if one does not or a run failed, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(description="Measure how far the printed numbers of notebooks move.")
    parser.add_argument("names", nargs="*", help="beginnings of notebook names; all of them when none is given")
    parser.add_argument("--record", action="store_true", help="write the results into benchmarks/records")
    parser.add_argument("--suggest", action="store_true", help="print the smallest sensible tolerance of each cell")
    parser.add_argument("--again", action="store_true", help="run what has not changed too, and add to its record")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1)")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds one cell may take (default 3600)")
    parser.add_argument("--folder", type=Path, default=notebooks.NOTEBOOKS, help="folder of the notebooks")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}")
    if os.environ.get("COURSE_FULL"):
        parser.error("COURSE_FULL is set, but the committed notebooks hold the small runs: unset it")
    try:
        sources = {twin: notebooks.from_twin(twin) for twin in notebooks.select(options.names, options.folder)}
    except ValueError as error:
        parser.error(str(error))
    try:
        return 0 if sweep(sources, options) else 1
    except KeyboardInterrupt:
        print("interrupted: the record holds the notebooks that were finished", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
