"""Printed digits as a range of values, against decimal arithmetic."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.audit import above, at_least, below, between, printed


def test_a_printed_number_is_the_range_that_rounds_to_it() -> None:
    expected = printed("1.1M")
    assert [expected.fits(value) for value in (1_049_999, 1_050_001, 1_149_999, 1_150_001)] == [
        False,
        True,
        True,
        False,
    ]
    assert printed("236.75M").fits(236_745_728) and not printed("236.75M").fits(236_744_999)
    assert printed("4.4 MB").fits(4_390_000) and printed("7 thousand").fits(7_346) and printed("3,000").fits(3000)


def test_at_a_tie_both_neighbours_are_right() -> None:
    # Hassanpour and Kowsari print the means 92.845 and 93.805 as 92.85 and 93.80.
    assert printed("92.85 %").fits(92.845) and printed("92.84 %").fits(92.845)
    assert printed("93.80 %").fits(93.805) and printed("93.81 %").fits(93.805)
    assert not printed("93.80 %").fits(93.8051)


@given(st.integers(0, 10**7), st.integers(0, 4), st.integers(-2000, 2000))
def test_rounding_is_that_of_decimal_arithmetic(digits: int, decimals: int, thousandths: int) -> None:
    value = Decimal(digits).scaleb(-decimals)
    found = value + Decimal(thousandths).scaleb(-3 - decimals)
    within = abs(found - value) <= Decimal("0.5").scaleb(-decimals)
    assert printed(f"{value:f}").fits(float(found)) == within


def test_a_range_of_values_is_tested_at_once() -> None:
    assert printed("99.9 %").fits(np.array([99.84, 99.86, 99.95, 99.96])).tolist() == [False, True, True, False]


def test_bounds() -> None:
    assert below("1 MB").fits(999_999) and not below("1 MB").fits(1_000_000)
    assert above("0 points").fits(1e-6) and not above("0 points").fits(0)
    assert at_least("0 points").fits(0) and not at_least("0 points").fits(-0.01)
    assert [between("30", "50").fits(value) for value in (29, 30, 42, 50, 51)] == [False, True, True, True, False]


def test_values_are_shown_in_the_printed_unit_with_a_digit_more() -> None:
    assert printed("236.75M").show(236_745_728) == "236.746M"
    assert printed("4.4 MB").show(4_882_000) == "4.88 MB"
    assert printed("3,000").show(3000.0) == "3,000" and printed("18").show(0) == "0"
    assert below("1M").show(993_344) == "0.99M"
    assert [e.text for e in (printed("1.1M"), below("1 MB"), between("2M", "5M"))] == ["1.1M", "below 1 MB", "2M to 5M"]


@pytest.mark.parametrize("text", ["", "many", "1.1 parsecs", "M", "1.1.1", "<1 MB"])
def test_what_is_no_number_with_a_unit_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a printed number"):
        printed(text)


def test_both_ends_are_in_one_unit() -> None:
    with pytest.raises(ValueError, match="2 and 5M"):
        between("2", "5M")
