"""A pytest plugin: nbval compares numbers within the tolerance that a cell declares, and words exactly.

It also names a kernel that dies, at once: nbval would wait for its answer until the cell's time is over.

Everything that knows nbval stands here. `conftest.py` loads it under `--nbval`. How prints are split and compared, and
how a tolerance is written, is in tools/printed_numbers.py; a cell declares it in its metadata, in the twin as

    # %% tolerance="2 points"

Standard output, text results and HTML tables are compared so, anything else is compared as nbval does: byte for byte,
and pictures, widget ids and standard error not at all.
"""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from queue import Empty
from types import MethodType
from typing import Any

import pytest
from nbformat import NotebookNode
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, get_sanitize_patterns, transform_streams_for_comparison

from .dead_kernels import ending
from .printed_numbers import Number, Tolerance, differences, pieces_of

SANITIZE = Path(__file__).resolve().parents[1] / "tests" / "notebooks" / "sanitize.cfg"
_SHOWN = 10
LOOK_EVERY = 0.5  # seconds: how soon a dead kernel is noticed
DIED: pytest.StashKey[str] = pytest.StashKey()  # of a notebook whose kernel has died: where and how


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Warnings and progress bars go to stderr, differ from machine to machine, and are not compared."""
    if isinstance(collector, IPyNbFile):
        collector.skip_compare += ("stderr",)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Put our comparison in the place of nbval's."""
    if isinstance(item, IPyNbCell):
        item.compare_outputs = MethodType(compare_outputs, item)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The cells behind the one that killed the kernel cannot run, and say so."""
    if isinstance(item, IPyNbCell) and DIED in item.parent.stash:
        pytest.xfail(item.parent.stash[DIED])


def pytest_runtest_call(item: pytest.Item) -> None:
    """Look after the kernel while nbval waits for what it says."""
    if isinstance(item, IPyNbCell):
        if item.parent.kernel.km.provisioner.process.poll() is not None:
            fail_as_dead(item)
        item.parent.kernel.get_message = partial(next_message, item)


def next_message(cell: IPyNbCell, stream: str, timeout: float | None = None) -> dict[str, Any]:
    """As ``RunningKernel.get_message``, but fails the cell as soon as the kernel is dead and has nothing more to say.

    Raises ``queue.Empty`` when ``timeout`` seconds, or None for no limit, have passed.
    """
    kernel = cell.parent.kernel
    ends = time.monotonic() + (math.inf if timeout is None else timeout)
    while True:
        is_dead = kernel.km.provisioner.process.poll() is not None  # asked first, so that its last words are heard
        left = ends - time.monotonic()
        try:
            return RunningKernel.get_message(kernel, stream, timeout=min(LOOK_EVERY, max(0.0, left)))
        except Empty:
            if is_dead:
                fail_as_dead(cell)
            if left <= LOOK_EVERY:
                raise


def fail_as_dead(cell: IPyNbCell) -> None:
    """Fail the cell in which the kernel was found dead, and have the others of its notebook say so."""
    how = f"kernel died {ending(cell.parent.kernel.km.provisioner.process.returncode)}"
    cell.parent.stash[DIED] = f"the {how} in cell {cell.cell_num}"
    cell.raise_cell_error(f"The {how}")


def compare_outputs(
    cell: IPyNbCell,
    test: Sequence[NotebookNode],
    ref: Sequence[NotebookNode],
    skip_compare: Sequence[str] | None = None,
) -> bool:
    """Whether the outputs `test` of this run agree with the stored ones, `ref`; if not, nbval shows the traceback.

    The parameters have the names that nbval gives them. Fails the cell if its tolerance cannot be read.
    """
    try:
        tolerance = Tolerance.parse(cell.cell.metadata.get("tolerance"))
    except ValueError as error:
        cell.raise_cell_error(str(error))
    skip = skip_compare or cell.parent.skip_compare
    stored, found = _by_kind(ref, skip, cell.sanitize), _by_kind(test, skip, cell.sanitize)
    faults = [fault for kind in stored | found for fault in _faults(kind, stored[kind], found[kind], tolerance)]
    cell.comparison_traceback = faults[:_SHOWN]
    if len(faults) > _SHOWN:
        cell.comparison_traceback.append(f"and {len(faults) - _SHOWN} more")
    return not faults


def is_compared(cell: NotebookNode) -> bool:
    """Whether nbval compares what the cell prints."""
    tags = cell.metadata.get("tags", [])
    return cell.cell_type == "code" and not {"nbval-skip", "nbval-ignore-output"} & set(tags)


def sanitized(value: Any) -> Any:
    """A text as nbval compares it, with what ``sanitize.cfg`` matches replaced; anything else unchanged."""
    for pattern, replacement in _replacements():
        value = re.sub(pattern, replacement, value) if isinstance(value, str) else value
    return value


@cache
def _replacements() -> list[tuple[str, str]]:
    return list(get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")))


def compared_pieces(outputs: Sequence[NotebookNode]) -> list[str | Number]:
    """The words and numbers of a cell's outputs that are compared within its tolerance, one output after the other."""
    found = sorted(_by_kind(outputs, (), sanitized).items())
    texts = [(kind, value) for kind, values in found for value in values if _has_numbers(kind, value)]
    return [piece for kind, value in texts for piece in pieces_of(kind, value)]


def _by_kind(
    outputs: Sequence[NotebookNode], skip: Sequence[str], sanitize: Callable[[Any], Any]
) -> defaultdict[str, list[Any]]:
    """What is compared, sanitized, under the name of its stream or MIME type, in order.

    The plain text beside an HTML table is the same table wrapped for a terminal, at columns that move with the numbers.
    """
    found = defaultdict(list)
    for output in transform_streams_for_comparison(outputs):
        content = {**output, **output.get("data", {})}
        if _is_table("text/html", content.get("text/html")):
            content.pop("text/plain", None)
        for kind, value in content.items():
            if kind not in ("data", *skip):
                found[kind].append(sanitize(value))
    return found


def _faults(kind: str, stored: Sequence[Any], found: Sequence[Any], tolerance: Tolerance) -> Iterator[str]:
    if len(stored) != len(found):
        yield f"{kind}: {len(stored)} outputs are stored, {len(found)} were found"
        return
    for old, new in zip(stored, found, strict=True):
        if _has_numbers(kind, old) and _has_numbers(kind, new):
            lines = differences(pieces_of(kind, old), pieces_of(kind, new), tolerance)
            yield from (f"{kind}, {line}" for line in lines)
        elif old != new:
            yield f"{kind}: stored {old!r}, found {new!r}"


def _has_numbers(kind: str, value: Any) -> bool:
    return kind in ("stdout", "text/plain") or _is_table(kind, value)


def _is_table(kind: str, value: Any) -> bool:
    return kind == "text/html" and isinstance(value, str) and "<table" in value
