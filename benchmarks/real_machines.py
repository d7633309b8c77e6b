"""The course on machines as people have them: idle, or with a core in use by something else; one thread or two."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.comparison import Comparison
from benchmarks.record import write_record
from course_lib import machine

# python -m benchmarks real_machines                           this checkout
# COURSE_BEFORE=FOLDER python -m benchmarks real_machines      in turns with another, such as a git worktree
#
# The load is a Python that counts. Each piece of work runs in a process of its own (see piece_of_work.py): the other
# checkout's with the environment as it is, this one's with what the project's commands set.
NAME = "real_machines"
HERE, SCRIPT = Path(__file__).resolve().parents[1], Path(__file__).with_name("piece_of_work.py")
NOW, BEFORE = "now", "before"
LOADS = ("idle", "busy")
THREADS = ("1", "2")
WORKS = ("training", "embedding", "onnx_runtime", "detection", "notebook")
# Ends with the one who started it, killed or not.
COUNTING = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"

Run = dict[str, Any]


def main(arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Measure, and write the record."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{NAME}", description=__doc__)
    parser.add_argument(
        "--before", type=Path, metavar="FOLDER", default=os.environ.get("COURSE_BEFORE"), help="a checkout"
    )
    parser.add_argument("--rounds", type=int, default=3, help="the middle one counts")
    options = parser.parse_args(arguments)
    checkouts = {NOW: HERE, **({BEFORE: Path(options.before).resolve()} if options.before else {})}
    figures = measure(checkouts, options.rounds)
    write_record(NAME, f"COURSE_BEFORE=FOLDER python -m benchmarks {NAME}", 0, figures)
    return figures


def measure(checkouts: Mapping[str, Path], rounds: int, works: Sequence[str] = WORKS) -> dict[str, Any]:
    """Every work under every load with one thread and two, all checkouts in turns."""
    runs: list[Run] = []
    for _, work, load, threads in product(range(rounds), works, LOADS, THREADS):
        for name, checkout in checkouts.items():
            with busy(load == "busy"):
                cost = run(work, checkout, environment(name, threads))
            runs.append({"checkout": name, "work": work, "load": load, "threads": int(threads), **cost})
            print(*runs[-1].values(), sep="\t", flush=True)
    settings = {"rounds": rounds, "load": COUNTING, "now": machine.SETTINGS, "before": "as the environment is"}
    return {"settings": settings, "runs": runs, "comparisons": [one.plain() for one in compare(runs)]}


@contextmanager
def busy(is_busy: bool) -> Iterator[None]:
    """With one core in use by another program."""
    if not is_busy:
        yield
        return
    counting = subprocess.Popen([sys.executable, "-c", COUNTING])
    try:
        yield
    finally:
        counting.kill()
        counting.wait()


def environment(checkout: str, threads: str) -> dict[str, str]:
    """The user's, with so many threads; the settings that the project starts Python with only for this checkout."""
    own = {key: value for key, value in os.environ.items() if key not in machine.SETTINGS}
    return {**own, "OMP_NUM_THREADS": threads, **(machine.SETTINGS if checkout == NOW else {})}


def run(work: str, checkout: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """What the work costs with the library of that checkout."""
    command = [sys.executable, str(SCRIPT), work]
    settings = {**environment, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, env=settings, cwd=checkout, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{work} failed in {checkout}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(runs: Sequence[Run]) -> list[Comparison]:
    """Busy beside idle, and now beside before; medians over the rounds."""
    found = []

    def middle(what: str, **which: object) -> list[float]:
        return [one[what] for one in runs if all(one[key] == value for key, value in which.items())]

    def ratio(name: str, over: list[float], under: list[float], **target: Any) -> None:
        if over and under and all(under):  # a work without page faults has no ratio of them
            each = [a / b for a, b in zip(over, under, strict=True)]
            found.append(Comparison(name, median(each), min(each), max(each), **target))

    for work in dict.fromkeys(one["work"] for one in runs):
        at_most = {"target": 2.0, "at_least": False} if work in ("training", "notebook") else {}
        slower = [middle("seconds", checkout=NOW, work=work, load=load, threads=2) for load in ("busy", "idle")]
        ratio(f"{work}, two threads: busy / idle", *slower, **at_most)
        goal = {"embedding": {"target": 3.0}, "training": {"target": 1.15}}.get(work, {})
        for load, threads in product(LOADS, (1, 2)):
            where = {"work": work, "load": load, "threads": threads}
            of = [middle("seconds", checkout=name, **where) for name in (BEFORE, NOW)]
            ratio(f"{work}, {load}, {threads} thread(s): before / now", *of, **(goal if load == "idle" else {}))
        alone = {"work": work, "load": "idle", "threads": 1}
        for what, target in (("faults", {"target": 10.0}), ("peak_mb", {"target": 0.9})):
            of = [middle(what, checkout=name, **alone) for name in (BEFORE, NOW)]
            wanted = target if what == "peak_mb" or work in ("training", "embedding") else {}
            ratio(f"{work}: {what.replace('_', ' ')}, before / now", *of, **wanted)
    ours = [middle("seconds", checkout=NOW, work=w, load="idle", threads=1) for w in ("embedding", "onnx_runtime")]
    ratio("embedding, one thread: PyTorch / ONNX Runtime", *ours, target=1.1, at_least=False)
    return found


if __name__ == "__main__":
    from benchmarks.comparison import table

    print(table(main(sys.argv[1:])["comparisons"]))
