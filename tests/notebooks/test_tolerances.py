"""Tolerances of the committed notebooks fit what was measured, and no sentence is false within them."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools.notebook_guards import Committed
from tools.notebook_spread import recorded
from tools.notebook_tolerances import faults

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_tolerances_fit_the_record_and_sentences_survive_them(path: Path) -> None:
    entries = recorded()
    assert path.stem in entries, f"run `python -m tools.notebook_spread --record {path.stem}`"
    found = list(faults(path.stem, Committed.load(path).notebook, entries[path.stem]))
    assert not found, "\n".join(found)


def cell(identifier: str, printed: str = "", tolerance: str | None = None, source: str = "...") -> NotebookNode:
    metadata = {"tags": ["guard"]} if source != "..." else {}
    outputs = [new_output("stream", name="stdout", text=printed)] if printed else []
    return new_code_cell(
        source, id=identifier, outputs=outputs, metadata=metadata | ({"tolerance": tolerance} if tolerance else {})
    )


ENTRY = {
    "cells": {
        "rate": {"1 thread": "98.0 %; 500", "2 threads": "97.0 %; 500"},
        "loss": {"1 thread": "1.25"},
    },
    "guards": {"the rate is high": {"rate": 0.98, "curve": {"array": [0.5, 0.7]}}},
}


def found(*cells: NotebookNode) -> list[str]:
    return list(faults("05", new_notebook(cells=list(cells)), ENTRY))


def claim(condition: str) -> NotebookNode:
    return cell("claim", source=f'guard("the rate is high", {condition}, rate=rates[0], curve=curve)')


RATE, LOSS = cell("rate", "98.0 % of 500", "2 points"), cell("loss", "loss 1.25")


def test_what_fits_has_no_fault() -> None:
    assert found(RATE, LOSS, claim("rate > 0.95 and (curve > 0).all()")) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (cell("rate", "98.0 % of 500"), "98.0 % moved by 1.0, tolerance none"),
        (cell("rate", "98.0 % of 500", "0.5 points"), "98.0 % moved by 1.0, tolerance 0.5"),
        (cell("rate", "96.5 % of 500", "1 points"), "98.0 % moved by 1.5, tolerance 1"),
        (cell("rate", "98.0 % of 501", "2 points"), "500 moved by 1, tolerance none"),
        (cell("rate", "98.0 % of 500", "4 points"), "4 points is wider than the 3.0 that the spread allows"),
        (cell("rate", "98.0 % of 500", "2 points, 5"), "5 is wider than the 1 that the spread allows"),
        (cell("rate", "98.0 %", "2 points"), "1 numbers are stored and 2 recorded; run"),
        (cell("rate", "nan % of 500"), "stores NaN or infinity"),
        (cell("new", "3"), "1 numbers are stored and 0 recorded; run"),
        (cell("new", "three", "0.1"), "the tolerance 0.1 holds for no number"),
    ],
)
def test_a_tolerance_that_does_not_fit_is_a_fault(changed: NotebookNode, message: str) -> None:
    (fault,) = found(changed)
    assert message in fault and fault.startswith("05, cell 1: ")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("rate > 0.99", "is false as recorded: rate = 0.98"),
        ("rate > 0.96", "is false with rate lower: rate = 0.96"),
        ("rate < curve[1] + 0.3", "is false with curve lower"),
        ("rate > other", "cannot be judged by its values alone: NameError"),
    ],
)
def test_a_sentence_that_is_false_within_the_tolerance_is_a_fault(condition: str, message: str) -> None:
    assert any(message in fault and fault.startswith("05, cell 3: ") for fault in found(RATE, LOSS, claim(condition)))
    assert (found(LOSS, claim(condition)) == []) == ("lower" in message)  # no tolerance above: nothing moves


def test_what_a_cell_behind_shows_without_a_tolerance_does_not_move() -> None:
    half = cell("half", "0.5 and 0.7")
    entry = {**ENTRY, "cells": {**ENTRY["cells"], "half": {"1 thread": "0.5; 0.7"}}}
    notebook = new_notebook(cells=[RATE, half, claim("rate < curve[1] + 0.31")])
    assert list(faults("05", notebook, entry)) == []


def test_a_guard_whose_values_are_not_recorded_is_a_fault() -> None:
    (fault,) = found(cell("unknown", source='guard("a b c", x > 1, x=x)'))
    assert "its values x are not recorded; run" in fault
