"""How long the imports of each notebook take, and how much memory of its own its kernel has: after them, and at most.

    python -m tools.notebook_memory                 all, one after the other, and the table
    python -m tools.notebook_memory 00 05           those whose names begin so
    python -m tools.notebook_memory --jobs 8        eight at a time, as on a server of a class
    python -m tools.notebook_memory --record        and into the record

Memory of its own is what the process has written: what it read from files, such as libraries, others can share. It is
looked at every tenth of a second.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from nbformat import NotebookNode

from benchmarks.record import write_record

from . import notebooks
from .notebook_tasks import tagged

NAME = "notebook_memory"
INTERVAL = 0.1  # seconds between two looks
MB = 1e6
# Run by a Python of its own: the imports of a notebook come on its standard input.
IMPORT = """
import sys, time
started = time.perf_counter()
exec(compile(sys.stdin.read(), "imports", "exec"), {})
print(time.perf_counter() - started, flush=True)
time.sleep(60)  # until it is measured and ended
"""


def imports_of(notebook: NotebookNode) -> str:
    """The import statements of its first code cell that is tagged so."""
    source = next((cell.source for cell in notebook.cells if tagged(cell, "imports")), "")
    kept = [node for node in ast.parse(source).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return "\n".join(map(ast.unparse, kept))


def own_bytes(pid: int) -> int:
    """Memory that a process has written; on Linux from the kernel, elsewhere what psutil counts as its own."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
        return 1024 * int(re.search(r"Private_Dirty:\s+(\d+) kB", rollup)[1])
    except OSError:
        return psutil.Process(pid).memory_full_info().uss


def import_cost(notebook: NotebookNode) -> dict[str, float]:
    """Seconds of the imports in a fresh Python, and its own memory in MB after them."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", IMPORT], cwd=notebooks.NOTEBOOKS, **pipes)
    with process:
        try:
            process.stdin.write(imports_of(notebook))
            process.stdin.close()
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the imports of a notebook failed; the error stands above")
            return {"import_seconds": round(float(line), 2), "import_mb": round(own_bytes(process.pid) / MB)}
        finally:
            process.kill()


def peak_while(run: notebooks.Run, environment: dict[str, str], timeout: float) -> dict[str, Any]:
    """Execute a notebook without writing it: seconds, and the most memory of its own in MB; or what went wrong."""
    seen, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(INTERVAL):
            try:
                seen.append(own_bytes(run.client.km.provisioner.pid))
            except (AttributeError, TypeError, OSError, psutil.Error):  # not started yet, or just ended
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    try:
        notebooks.execute(run, environment, timeout, lambda: None)
    finally:
        done.set()
        watcher.join()
    return {"seconds": round(time.perf_counter() - started, 1), "peak_mb": round(max(seen) / MB), "error": run.error}


def measure(names: Sequence[str], jobs: int, timeout: float) -> Iterator[dict[str, Any]]:
    """A row a notebook, in order, as they are done."""
    runs = [notebooks.Run(twin, notebooks.from_twin(twin)) for twin in notebooks.select(names, notebooks.NOTEBOOKS)]
    costs = [import_cost(run.notebook) for run in runs]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        environment = notebooks.kernel_environment(jobs, folder)
        peaks = pool.map(lambda run: peak_while(run, environment, timeout), runs)
        for run, cost, peak in zip(runs, costs, peaks, strict=True):
            yield {"notebook": run.twin.stem, **cost, **peak}


def table(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line a notebook."""
    yield f"{'notebook':24} {'imports':>9} {'after them':>11} {'peak':>9} {'in all':>9}"
    for row in rows:
        yield (
            f"{row['notebook']:24} {row['import_seconds']:7.2f} s {row['import_mb']:8} MB {row['peak_mb']:6} MB "
            f"{row['seconds']:7.1f} s {row['error']}"
        ).rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 1 if a notebook failed, else 0."""
    parser = argparse.ArgumentParser(prog=f"python -m tools.{NAME}", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of notebook names; all of them when none is given")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at a time (default 1)")
    parser.add_argument("--record", action="store_true", help="write the results into benchmarks/records")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds one cell may take (default 3600)")
    options = parser.parse_args(arguments)
    started, rows = time.perf_counter(), []
    for row in measure(options.names, options.jobs, options.timeout):
        rows.append(row)
        print(*list(table(rows))[0 if len(rows) == 1 else -1 :], sep="\n", flush=True)
    seconds = round(time.perf_counter() - started)
    print(f"{len(rows)} notebooks, {options.jobs} at a time: {seconds} s")
    if options.record:
        figures = {"jobs": options.jobs, "seconds": seconds, "notebooks": rows}
        write_record(NAME, f"python -m tools.{NAME} --record", 0, figures)
    return int(any(row["error"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
