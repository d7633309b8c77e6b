"""Whole numbers behind printed rates, against trying them all."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.audit import confusions, possible_counts
from course_lib.evaluation import Confusion


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 2), st.integers(1, 400))
def test_possible_counts_are_all_that_round_to_the_digits(share: int, decimals: int, trials: int) -> None:
    digits = str(Decimal(share).scaleb(-2).quantize(Decimal(1).scaleb(-decimals)))
    reach = Fraction(1, 2 * 10**decimals)
    exact = [k for k in range(trials + 1) if abs(Fraction(100 * k, trials) - Fraction(digits)) <= reach]
    assert possible_counts(digits, trials) == exact


def test_counts_of_lfw_by_hand() -> None:
    assert possible_counts("99.57", 6000) == [5974]  # 99.5667
    assert possible_counts("88.10", 6000) == [5286]
    assert possible_counts("88.11", 6000) == []  # 5286 is 88.10, 5287 is 88.12
    assert possible_counts("100.00", 6000) == [6000] and possible_counts("0", 10) == [0]
    assert len(possible_counts("50", 10_000)) == 101  # 49.5 to 50.5 %
    with pytest.raises(ValueError, match="trials is 0"):
        possible_counts("50", 0)


RATES = ("accuracy", "precision", "recall", "specificity", "f1")


def as_printed(matrix: Confusion, decimals: int) -> dict[str, str]:
    return {name: f"{100 * getattr(matrix, name):.{decimals}f}" for name in RATES}


def by_trying_all(rates: dict[str, str], n_genuine: int, n_impostor: int) -> list[Confusion]:
    found = []
    for tp in range(1, n_genuine + 1):
        for tn in range(n_impostor + 1):
            matrix = Confusion(tp, n_genuine - tp, n_impostor - tn, tn)
            if all(abs(100 * getattr(matrix, name) - float(digits)) <= 0.0500001 for name, digits in rates.items()):
                found.append(matrix)
    return found


@pytest.mark.parametrize("names", [RATES, ("accuracy",), ("precision", "f1"), ("recall",), ("specificity", "accuracy")])
def test_confusions_are_those_found_by_trying_all(names: tuple[str, ...]) -> None:
    true = Confusion(27, 3, 2, 38)
    rates = {name: digits for name, digits in as_printed(true, 1).items() if name in names}
    found = confusions(rates, 30, 40)
    assert true in found
    assert found == by_trying_all(rates, 30, 40)


@pytest.mark.slow
def test_four_digits_leave_one_matrix_of_nine_million() -> None:
    assert confusions({"accuracy": "99.6833", "precision": "99.8996"}, 3000, 3000) == [Confusion(2984, 16, 3, 2997)]


def test_precision_of_nothing_accepted_fits_no_digits() -> None:
    two_or_one_false_accepts = [Confusion(0, 2, 2, 0), Confusion(0, 2, 1, 1)]
    assert confusions({"precision": "0.0", "recall": "0.0"}, 2, 2) == two_or_one_false_accepts


@pytest.mark.parametrize(
    "rates, n_genuine, words",
    [
        ({}, 3, "expected some of"),
        ({"TAR": "99"}, 3, r"rates are \['TAR'\]"),
        ({"recall": "99"}, 0, "n_genuine is 0"),
        ({"recall": "high"}, 3, "not a printed number"),
    ],
)
def test_bad_input_is_named(rates: dict[str, str], n_genuine: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        confusions(rates, n_genuine, 3)
