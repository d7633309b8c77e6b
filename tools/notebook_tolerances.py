"""Whether the tolerances of a committed notebook fit the recorded spread, and its sentences survive them.

The record is written by `python -m tools.notebook_spread --record`. Every number that a cell stores must have been
recorded, no number may move further than its cell allows, and no tolerance may be wider than tools/number_spread.py
says. A guard must hold for the recorded values, and go on to hold when they move within the tolerance of the nearest
cell above that declares one, as tools/guard_claims.py tries it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbformat import NotebookNode

from .guard_claims import Claim, decoded, falls, size_of
from .nbval_numbers import compared_pieces, is_compared
from .notebook_tasks import tagged
from .number_spread import Spread, too_tight, too_wide, unpacked
from .printed_numbers import Number, Tolerance, numbers_of


def faults(name: str, notebook: NotebookNode, entry: Mapping[str, Any]) -> Iterator[str]:
    """One message for each fault of a notebook with its stored outputs, judged by its entry in the record."""
    above: list[NotebookNode] = []  # the last cell that declares a tolerance, and those behind it
    for position, cell in enumerate(notebook.cells, 1):
        found: Iterator[str] = iter(())
        if is_compared(cell):
            found = _faults_of_cell(cell, entry["cells"].get(cell.id), name)
            above = [cell] if "tolerance" in cell.metadata else [*above, cell]
        if tagged(cell, "guard"):
            found = _faults_of_guard(cell, above, entry, name)
        yield from (f"{name}, cell {position}: {fault}" for fault in found)


def _faults_of_cell(cell: NotebookNode, packed: Mapping[str, Any] | None, name: str) -> Iterator[str]:
    stored, declared = numbers_of(compared_pieces(cell.outputs)), cell.metadata.get("tolerance")
    spreads = unpacked(packed) if packed else []
    if len(stored) != len(spreads):
        yield f"{len(stored)} numbers are stored and {len(spreads)} recorded; {_again(name)}"
    elif declared and not stored:
        yield f"the tolerance {declared} holds for no number: none is printed"
    elif any(number.value is None for number in stored):
        yield "stores NaN or infinity: print a dash for what does not exist"
    else:
        tolerance = Tolerance.parse(declared)
        with_stored = [_widened(spread, number) for spread, number in zip(spreads, stored, strict=True)]
        yield from (*too_tight(with_stored, tolerance), *too_wide(spreads, tolerance))


def _widened(spread: Spread, stored: Number) -> Spread:
    return replace(spread, low=min(spread.low, stored.value), high=max(spread.high, stored.value))


def _faults_of_guard(
    cell: NotebookNode, above: Sequence[NotebookNode], entry: Mapping[str, Any], name: str
) -> Iterator[str]:
    claim = Claim.read(cell.source)
    values = entry["guards"].get(claim.sentence, {})
    if values.keys() != claim.values.keys():
        yield f"{claim.sentence!r}: its values {', '.join(claim.values)} are not recorded; {_again(name)}"
        return
    declaring = [one for one in above if "tolerance" in one.metadata]
    tolerance = Tolerance.parse(declaring[0].metadata.tolerance if declaring else None)
    printed = _recorded_numbers(declaring, entry)
    exact = _recorded_numbers([one for one in above if one not in declaring], entry)
    try:
        decoded_values = {key: decoded(value) for key, value in values.items()}
        yield from falls(claim, decoded_values, lambda value: size_of(value, tolerance, printed, exact))
    except ValueError as error:
        yield f"{claim.sentence!r}: {error}"


def _recorded_numbers(cells: Sequence[NotebookNode], entry: Mapping[str, Any]) -> list[Number]:
    packed = [entry["cells"][cell.id] for cell in cells if cell.id in entry["cells"]]
    return [spread.number for runs in packed for spread in unpacked(runs)]


def _again(name: str) -> str:
    return f"run `python -m tools.notebook_spread --record --again {name}`"
