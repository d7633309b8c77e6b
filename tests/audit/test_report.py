"""Many claims at once."""

from __future__ import annotations

import pytest

from course_lib.audit import audit, number, printed, statement

CLAIMS = (
    number("B", "Table 1", "right", "5", lambda: {"a": 5.0}),
    number("A", "Table 1", "wrong", "5", lambda: {"a": 7.0}),
    statement("B", "Table 1", "open", printed("5"), lambda: {"a": 5.0, "b": 7.0}),
)


def test_rows_and_counts_keep_the_order_of_the_claims() -> None:
    report = audit(CLAIMS)
    assert [row["verdict"] for row in report.table()] == ["holds", "does not hold", "cannot be told"]
    assert list(report.counts()) == ["B", "A"]
    assert report.counts()["B"] == {"holds": 1, "does not hold": 0, "cannot be told": 1}
    assert report.counts()["A"] == {"holds": 0, "does not hold": 1, "cannot be told": 0}


def test_a_claim_given_twice_is_named() -> None:
    with pytest.raises(ValueError, match="'right' of B, Table 1, is given twice"):
        audit([*CLAIMS, CLAIMS[0]])


def test_no_claims_at_all() -> None:
    with pytest.raises(ValueError, match="no claim"):
        audit([])
