"""The verdict follows from the readings: a number needs one that agrees, a statement all."""

from __future__ import annotations

from itertools import product

import pytest

from course_lib.audit import Verdict, above, number, printed, statement


@pytest.mark.parametrize("fits", [combination for n in range(4) for combination in product([False, True], repeat=n)])
def test_the_verdict_of_every_combination_of_readings(fits: tuple[bool, ...]) -> None:
    values = {f"reading {position}": 5.0 if fit else 7.0 for position, fit in enumerate(fits)}
    as_number = number("A", "Table 1", "five", "5", lambda: values).check().verdict
    as_statement = statement("A", "Table 1", "five", printed("5"), lambda: values).check().verdict
    if not fits:
        assert as_number is as_statement is Verdict.OPEN
    elif all(fits):
        assert as_number is as_statement is Verdict.HOLDS
    elif not any(fits):
        assert as_number is as_statement is Verdict.FAILS
    else:
        assert (as_number, as_statement) == (Verdict.HOLDS, Verdict.OPEN)


def test_a_number_that_holds_names_its_reading() -> None:
    found = number("A", "Table 1", "size", "4.0 MB", lambda: {"MiB": 3.7e6, "MB": 4.01e6}).check()
    assert (found.verdict, found.reading, found.recomputed) == (Verdict.HOLDS, "MB", "4.01 MB")


def test_what_else_it_could_be_explains_and_does_not_change_the_verdict() -> None:
    claim = number("A", "Table 1", "size", "2.1M", lambda: {"as written": 3.7e6}, lambda: {"x": 1e6, "y": 2.06e6})
    found = claim.check()
    assert (found.verdict, found.reading, found.recomputed) == (Verdict.FAILS, "instead: y", "3.70M")
    assert found.instead == ("y",)


def test_what_else_it_could_be_is_not_asked_where_the_number_holds() -> None:
    def never() -> dict[str, float]:
        raise AssertionError

    assert number("A", "Table 1", "size", "5", lambda: {"a": 5.0}, never).check().instead == ()


def test_an_open_statement_shows_all_values_and_counts_the_readings() -> None:
    found = statement("A", "Section 2", "better", above("0 points"), lambda: {"low": -0.0066, "high": 0.34}).check()
    assert (found.recomputed, found.reading) == ("-0.01 points to 0.34 points", "1 of 2 readings")
    nothing = statement("A", "Section 2", "fast", above("0 ms"), dict).check()
    assert (nothing.recomputed, nothing.reading, nothing.verdict) == ("nothing to compute", "", Verdict.OPEN)


def test_a_row_of_the_table() -> None:
    claim = number("A", "Table 1", "size", "5", lambda: {"a": 5.0})
    assert claim.check().row() == {
        "paper": "A",
        "where": "Table 1",
        "claim": "size",
        "printed": "5",
        "recomputed": "5",
        "verdict": "holds",
        "reading": "a",
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_none_is_named_with_its_claim(value: float) -> None:
    with pytest.raises(ValueError, match=r"A, Table 1, 'size': reading 'r' gave (nan|inf)"):
        number("A", "Table 1", "size", "5", lambda: {"r": value}).check()
    with pytest.raises(ValueError, match="reading 'r'"):
        number("A", "Table 1", "size", "5", lambda: {"a": 6.0}, lambda: {"r": value}).check()


def test_digits_that_are_none_are_refused_when_the_claim_is_made() -> None:
    with pytest.raises(ValueError, match="'about five' is not a printed number"):
        number("A", "Table 1", "size", "about five", dict)
