"""tools/number_spread.py: which tolerances are too tight or too wide, and which are suggested."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.number_spread import packed, suggestion, too_tight, too_wide, unpacked
from tools.printed_numbers import Tolerance, numbers_of, pieces_of_text


def spreads(*runs: str) -> list:
    """Of what runs printed, by way of the record."""
    return unpacked(packed({str(number): numbers_of(pieces_of_text(run)) for number, run in enumerate(runs)}))


def test_the_record_of_several_runs_holds_the_first_and_what_moved() -> None:
    runs = {
        name: numbers_of(pieces_of_text(f"{rate:.2f} % of 1,200 in [0.5, 1]"))
        for name, rate in (("a", 98), ("b", 97.5))
    }
    entry = packed({**runs, "c": runs["a"]})
    assert entry == {"a": "98.00 %; 1,200; 0.5; 1", "b": "97.50 %; 1,200; 0.5; 1"}
    first, second, *_ = unpacked(entry)
    assert (first.number, first.low, first.high) == (runs["a"][0], Decimal("97.50"), Decimal("98.00"))
    assert first.width == Decimal("0.5") and second.width == 0 and second.number.value == 1200


@pytest.mark.parametrize(
    ("runs", "tolerance", "tight", "wide"),
    [
        (["98.0 %", "97.0 %"], "1 points", 0, 0),
        (["98.0 %", "97.0 %"], "0.9 points", 1, 0),
        (["98.0 %", "97.0 %"], "3 points", 0, 0),
        (["98.0 %", "97.0 %"], "3.1 points", 0, 1),
        (["98.0 %", "97.0 %"], "1", 1, 1),
        (["98.0 %", "97.0 %"], None, 1, 0),
        (["1.25 of 500", "1.26 of 500"], "0.03", 0, 0),
        (["1.25 of 500", "1.26 of 500"], "0.04", 0, 1),
        (["1.25 of 500", "1.25 of 500"], "0.01", 0, 0),
        (["1.25 of 500", "1.25 of 500"], "0.02", 0, 1),
        (["100 and 5", "104 and 5"], "4 %", 0, 0),
        (["100 and 5", "104 and 5"], "13 %", 0, 1),
        (["1 and 2 and 3", "2 and 2 and 1"], "1", 1, 0),
        (["0.0", "0.1"], "0.2", 0, 0),
        (["0.0", "0.1"], "100 %", 1, 1),
        (["90 %, 0.5", "91 %, 0.6"], "2 points, 0.1", 0, 0),
    ],
)
def test_tolerances_are_judged_by_the_spread(runs: list[str], tolerance: str | None, tight: int, wide: int) -> None:
    measured, declared = spreads(*runs), Tolerance.parse(tolerance)
    assert len(list(too_tight(measured, declared))) == tight
    assert len(list(too_wide(measured, declared))) == wide


def test_messages_name_the_number_its_spread_and_what_is_allowed() -> None:
    measured = spreads("98.0 %", "97.0 %")
    assert list(too_tight(measured, Tolerance.parse("0.5 points"))) == ["98.0 % moved by 1.0, tolerance 0.5"]
    assert list(too_wide(measured, Tolerance.parse("5 points"))) == [
        "5 points is wider than the 3.0 that the spread allows"
    ]
    assert list(too_wide(measured, Tolerance.parse("1"))) == ["1 holds for no number of the cell"]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (["98.0 % of 500", "98.0 % of 500"], ""),
        (["98.3 %", "97.9 %"], "0.6 points"),
        (["1.25", "1.26"], "0.02"),
        (["1.25 and 1,000", "1.26 and 1,020"], "3 %"),
        (["0.01 and 500", "0.02 and 500"], "0.02"),
        (["98 % at 120", "97 % at 100"], "2 points, 30"),
        (["0.0 and 80.0", "0.1 and 80.0"], "0.2"),
    ],
)
def test_suggestions(runs: list[str], expected: str) -> None:
    assert suggestion(spreads(*runs)) == expected


ROW = st.tuples(st.decimals(0, 1000, places=2), st.decimals(-1, 1, places=2), st.sampled_from(["", " %"]))


@given(st.lists(ROW, min_size=1, max_size=6))
def test_a_suggestion_is_neither_too_tight_nor_too_wide(rows: list[tuple[Decimal, Decimal, str]]) -> None:
    measured = spreads(
        " and ".join(f"{value}{unit}" for value, _, unit in rows),
        " and ".join(f"{value + moved}{unit}" for value, moved, unit in rows),
    )
    suggested = Tolerance.parse(suggestion(measured) or None)
    assert not list(too_tight(measured, suggested)) and not list(too_wide(measured, suggested))
