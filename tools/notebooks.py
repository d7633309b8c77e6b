"""Rebuild the committed notebooks: every text twin is turned into its notebook, executed and written.

    python tools/notebooks.py              all of them
    python tools/notebooks.py 04 00_start  those whose names begin so
    python tools/notebooks.py --jobs 2     two at a time, sharing the cores

The twin notebooks/text/NAME.py is the source of notebooks/NAME.ipynb. Nothing is written for a notebook that fails.
What was measured, the minutes to read and the memory, goes into the header of both.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import jupytext
import nbformat
import psutil
from ipykernel.kernelspec import make_ipkernel_cmd
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # started by path, from any folder

from tools import notebook_minutes  # noqa: E402
from tools.dead_kernels import ending  # noqa: E402

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
# No jupytext pairing in here: JupyterLab would then compare the times of notebook and twin, which a clone does not
# keep, refuse to open the notebook, or rewrite the twin when a learner saves an exercise.
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# What a cell may carry in the twin; the rest belongs to a front end or to one run.
CELL_METADATA = ("tags", "skip_reason", "tolerance")
# JupyterLab shows these cells closed: a guard is no part of the text, and a check would show all hints at once.
FOLDED_TAGS = {"guard", "check"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class ThisInterpreter(KernelSpecManager):
    """Start kernels with the interpreter that runs this tool, whatever kernels are registered on the machine."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return the IPython kernel of `sys.executable`."""
        return KernelSpec(argv=make_ipkernel_cmd(), display_name=kernel_name, language="python")


@dataclass
class Run:
    """One notebook on its way from twin to executed file."""

    twin: Path
    notebook: NotebookNode
    error: str = ""
    seconds: float = 0.0
    memory_gb: float | None = None  # the most that the kernel held, where the system tells it
    client: NotebookClient | None = field(default=None, repr=False)

    @property
    def target(self) -> Path:
        """Where the executed notebook goes: one folder above its twin."""
        return self.twin.parents[1] / f"{self.twin.stem}.ipynb"


def from_twin(twin: Path) -> NotebookNode:
    """The notebook, without outputs, that a py:percent text twin describes."""
    notebook = jupytext.read(twin, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        cell.metadata = _kept(cell)
        cell.id = _cell_id(cell.source, seen)
    return notebook


def _kept(cell: NotebookNode) -> NotebookNode:
    """The metadata that a committed cell has: what its twin says, and whether it is folded."""
    kept = {key: cell.metadata[key] for key in CELL_METADATA if key in cell.metadata}
    if FOLDED_TAGS & set(kept.get("tags", [])):
        kept["jupyter"] = {"source_hidden": True}
    return nbformat.from_dict(kept)


def _cell_id(source: str, seen: dict[str, int]) -> str:
    """An id made of the cell's first line, numbered when repeated: a new cell leaves the ids of the others alone."""
    first_line = next((line for line in source.splitlines() if line.strip()), "")
    slug = re.sub(r"[^a-z0-9]+", "-", first_line.lower()).strip("-")[:48].strip("-") or "cell"
    seen[slug] = seen.get(slug, 0) + 1
    return slug if seen[slug] == 1 else f"{slug}--{seen[slug]}"


def inputs(notebook: NotebookNode) -> list[tuple[str, str, dict]]:
    """What a twin and its notebook must agree on: type, source and kept metadata of every cell."""
    return [
        (cell.cell_type, cell.source, {key: cell.metadata[key] for key in CELL_METADATA if key in cell.metadata})
        for cell in notebook.cells
    ]


def carry_over(name: str) -> str:
    """The command that writes the twin anew from an edited notebook."""
    return f"jupytext --to py:percent --output notebooks/text/{name}.py notebooks/{name}.ipynb"


def check_not_edited(run: Run) -> None:
    """Raise ValueError if the notebook holds edits that its twin has not: rebuilding would lose them."""
    if not run.target.exists() or run.target.stat().st_mtime <= run.twin.stat().st_mtime:
        return
    if inputs(nbformat.read(run.target, as_version=4)) != inputs(run.notebook):
        raise ValueError(
            f"{run.target.name} was edited after its twin text/{run.twin.name}, and rebuilding would lose that. Run "
            f"`{carry_over(run.target.stem)}` to keep the edits, or `touch` the twin to drop them."
        )


def execute(run: Run, environment: dict[str, str], timeout: float, on_cell: Callable[[], None]) -> None:
    """Execute the cells in place in a fresh kernel; `run.error` names the cell and the error if one fails."""
    position = 0
    kernel: subprocess.Popen | None = None  # nbclient forgets it when it has died

    def begin(cell: NotebookNode, cell_index: int) -> None:
        nonlocal position, kernel
        position, kernel = cell_index, run.client.km.provisioner.process

    def end(**_: object) -> None:
        run.memory_gb = _peak_memory(run.client) or run.memory_gb
        on_cell()

    run.client = NotebookClient(
        run.notebook,
        km=AsyncKernelManager(kernel_spec_manager=ThisInterpreter()),
        timeout=timeout,
        resources={"metadata": {"path": str(run.target.parent)}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],  # of the kernel's own messages, which would cut through the bar
        on_cell_execute=begin,
        on_cell_executed=end,
    )
    try:
        run.client.execute(env=environment, cleanup_kc=True)
    except CellExecutionError as error:
        run.error = f"cell {position + 1}: {error.ename}: {error.evalue}"
    except CellTimeoutError:
        run.error = f"cell {position + 1}: still running after {timeout:g} s (--timeout)"
    except DeadKernelError:
        run.error = f"cell {position + 1}: the kernel died {ending(kernel and kernel.poll())}"


def _peak_memory(client: NotebookClient) -> float | None:
    """The most memory that the kernel has held so far, in GB; None where the system does not keep count."""
    try:
        process = psutil.Process(client.km.provisioner.pid)
        if sys.platform == "win32":
            return process.memory_info().peak_wset / 1e9
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e9
    except (OSError, AttributeError, TypeError, psutil.Error):
        return None


def state_time_and_memory(run: Run) -> None:
    """Write the minutes and the memory into the header of the notebook and of its twin, where there is such a line."""
    text = run.twin.read_text(encoding="utf-8")
    if "**Time and place**" not in text:
        return
    found = notebook_minutes.minutes(run.notebook)
    stated = notebook_minutes.rewritten(text, found, run.memory_gb)
    if stated != text:
        run.twin.write_text(stated, encoding="utf-8")
    for cell, twin_cell in zip(run.notebook.cells, from_twin(run.twin).cells, strict=True):
        cell.source = twin_cell.source


def normalise(notebook: NotebookNode) -> None:
    """Drop what belongs to one run or one machine, so that a repeated run changes nothing that a reader sees."""
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for cell in notebook.cells:
        cell.metadata = _kept(cell)
        for output in cell.get("outputs", []):
            # A widget dies with its kernel and its id is random. Its still picture stays; nbval compares the text
            # beside it where it looks.
            if output.get("data", {}).pop(WIDGET_VIEW, None) and "nbval-skip" in cell.metadata.get("tags", []):
                output["data"]["text/plain"] = "Run this cell to use the widget."


def write(notebook: NotebookNode, target: Path) -> None:
    """Write the notebook so that the target is at every moment either the old file or the complete new one."""
    nbformat.validate(notebook)
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def build(run: Run, environment: dict[str, str], timeout: float, on_cell: Callable[[], None]) -> Run:
    """Execute, normalise and write one notebook; returns it with `seconds`, and with `error` if nothing was written."""
    start = time.perf_counter()
    try:
        check_not_edited(run)
        execute(run, environment, timeout, on_cell)
        if not run.error:
            state_time_and_memory(run)
            normalise(run.notebook)
            write(run.notebook, run.target)
    except Exception as error:  # one broken notebook must not stop the others
        run.error = f"{type(error).__name__}: {error}"
    run.seconds = time.perf_counter() - start
    return run


def kernel_environment(jobs: int, ipython_folder: str) -> dict[str, str]:
    """The environment of the kernels: guards that fail, no personal start-up files, no progress bars in the outputs."""
    environment = {key: value for key, value in os.environ.items() if key not in ("MPLBACKEND", "COURSE_STRICT")}
    environment |= {"IPYTHONDIR": ipython_folder, "TQDM_DISABLE": "1", "COURSE_GUARDS": "1", "COURSE_TERMS": "seen"}
    if jobs > 1:
        environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // jobs))
    return environment


def build_all(runs: Sequence[Run], jobs: int, timeout: float) -> list[Run]:
    """Build the notebooks, `jobs` at a time, under a progress bar; a line with the time of each as it is done."""
    n_cells = sum(cell.cell_type == "code" for run in runs for cell in run.notebook.cells)
    width = max(len(run.twin.stem) for run in runs)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        environment = kernel_environment(jobs, folder)
        bar = tqdm(total=n_cells, unit="cell", disable=None)
        futures = [pool.submit(build, run, environment, timeout, bar.update) for run in runs]
        try:
            for future in as_completed(futures):
                run = future.result()
                verdict = f"FAILED {run.error}" if run.error else "written"
                bar.write(f"{run.twin.stem:<{width}}  {run.seconds:6.1f} s  {verdict}")
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            _kill_kernels(runs)
            raise
        finally:
            bar.close()
    return list(runs)


def _kill_kernels(runs: Sequence[Run]) -> None:
    for run in runs:
        provisioner = getattr(getattr(run.client, "km", None), "provisioner", None)
        if provisioner is not None and provisioner.process is not None:
            provisioner.process.kill()


def select(names: Sequence[str], folder: Path) -> list[Path]:
    """The twins in `folder`/text that begin with one of `names`, or all; ValueError for a name that fits none."""
    twins = sorted((folder / "text").glob("*.py"))
    known = ", ".join(twin.stem for twin in twins) or "no notebook"
    prefixes = [Path(name).stem for name in names] or [""]
    for prefix in prefixes:
        if not any(twin.stem.startswith(prefix) for twin in twins):
            raise ValueError(f"No notebook begins with {prefix!r}: {folder / 'text'} holds {known}.")
    return [twin for twin in twins if twin.stem.startswith(tuple(prefixes))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns 0 if every notebook was written, 1 if one failed, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(description="Rebuild and execute the notebooks from their text twins.")
    parser.add_argument("names", nargs="*", help="beginnings of notebook names; all of them when none is given")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at a time (default 1: it gets every core)")
    parser.add_argument("--timeout", type=float, default=600, help="seconds one cell may take (default 600)")
    parser.add_argument("--folder", type=Path, default=NOTEBOOKS, help="folder of the notebooks")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}")
    if os.environ.get("COURSE_FULL"):
        parser.error("COURSE_FULL is set, but the committed notebooks hold the small runs: unset it")
    try:
        runs = [Run(twin, from_twin(twin)) for twin in select(options.names, options.folder)]
    except ValueError as error:
        parser.error(str(error))
    try:
        failed = [run.twin.stem for run in build_all(runs, options.jobs, options.timeout) if run.error]
    except KeyboardInterrupt:
        print("interrupted: finished notebooks are written, the others are as they were", file=sys.stderr)
        return 130
    if failed:
        print(f"{len(failed)} of {len(runs)} notebooks failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
