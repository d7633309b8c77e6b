"""McNemar's test and the difference of two accuracies: published examples, SciPy, and their symmetries."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from course_lib.evaluation import difference_of_accuracies, mcnemar


def decisions(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, only_a, only_b, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def test_mcnemar_by_hand() -> None:
    # 3 against 12: twice the chance of at most 3 heads in 15 tosses, 2 (1 + 15 + 105 + 455) / 2^15.
    result = mcnemar(*decisions(80, 3, 12, 5))
    assert (result.only_a, result.only_b) == (3, 12)
    assert result.p == pytest.approx(1152 / 32768)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_sign_test_of_the_pairs_that_differ(only_a: int, only_b: int) -> None:
    n = only_a + only_b
    tail = sum(comb(n, heads) for heads in range(min(only_a, only_b) + 1))
    expected = min(1.0, 2 * tail / 2**n)
    assert mcnemar(*decisions(7, only_a, only_b, 2)).p == pytest.approx(expected)
    assert mcnemar(*decisions(0, only_b, only_a, 0)).p == pytest.approx(expected) if n else True


def test_two_equal_systems_do_not_differ() -> None:
    right = np.array([True, False, True])
    assert mcnemar(right, right).p == 1.0
    same = difference_of_accuracies(90, 100, 90, 100)
    assert (same.difference, same.z, same.p) == (0, 0, 1) and same.interval.low < 0 < same.interval.high


def test_newcombes_own_examples() -> None:
    # Newcombe 1998, Table II, method 10, to its four digits.
    for counts, low, high in (
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 10), 0.6075, 1.0000),
        ((5, 56, 0, 29), -0.0381, 0.1926),
    ):
        interval = difference_of_accuracies(*counts).interval
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_lees_two_networks_do_not_differ_at_five_per_cent() -> None:
    # 19 and 9 errors among 6,000 pairs each.
    result = difference_of_accuracies(5991, 6000, 5981, 6000)
    assert f"{result.z:.2f}" == "1.89" and f"{result.p:.2f}" == "0.06"
    assert result.difference == pytest.approx(10 / 6000)
    assert result.interval.low < 0 < result.interval.high


@given(st.integers(1, 500), st.integers(1, 500), st.floats(0, 1), st.floats(0, 1))
def test_the_test_is_the_chi_square_one_and_the_interval_turns_round(n_a, n_b, share_a, share_b) -> None:
    right_a, right_b = round(share_a * n_a), round(share_b * n_b)
    result = difference_of_accuracies(right_a, n_a, right_b, n_b)
    back = difference_of_accuracies(right_b, n_b, right_a, n_a)
    assert (back.interval.low, back.interval.high) == pytest.approx((-result.interval.high, -result.interval.low))
    assert -1 - 1e-12 <= result.interval.low <= result.difference <= result.interval.high <= 1 + 1e-12
    if 0 < right_a + right_b < n_a + n_b:
        table = [[right_a, n_a - right_a], [right_b, n_b - right_b]]
        expected = chi2_contingency(table, correction=False)
        assert result.z**2 == pytest.approx(expected.statistic) and result.p == pytest.approx(expected.pvalue)
    else:
        assert (result.z, result.p) == (0, 1)


def test_bad_input_is_named() -> None:
    right = np.array([True, False])
    with pytest.raises(TypeError, match="right_b must be boolean, got int64"):
        mcnemar(right, right.astype(np.int64))
    with pytest.raises(ValueError, match=r"got shapes \(2,\), \(1,\)"):
        mcnemar(right, right[:1])
    with pytest.raises(ValueError, match=r"got shapes \(0,\), \(0,\)"):
        mcnemar(right[:0], right[:0])
    for counts in ((7, 6, 1, 6), (1, 6, -1, 6), (0, 0, 1, 6)):
        with pytest.raises(ValueError, match="Expected 0 <= successes <= trials"):
            difference_of_accuracies(*counts)
