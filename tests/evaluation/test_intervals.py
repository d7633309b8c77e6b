"""Confidence intervals against SciPy, textbook values and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course_lib.evaluation import Interval, bootstrap, mean_interval, paired_difference, wilson


@pytest.mark.parametrize("successes, trials", [(0, 10), (1, 10), (7, 10), (10, 10), (2984, 3000), (5, 5000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_equals_scipy(successes: int, trials: int, confidence: float) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    interval = wilson(successes, trials, confidence)
    assert interval.low == pytest.approx(expected.low, abs=1e-12)
    assert interval.high == pytest.approx(expected.high, abs=1e-12)


def test_wilson_by_hand() -> None:
    # 0 of 10 at z = 1.96: high = z^2 / (n + z^2) = 3.8416 / 13.8416.
    interval = wilson(0, 10)
    assert interval.low == 0.0
    assert interval.high == pytest.approx(3.8416 / 13.8416, abs=1e-4)
    # 5 of 10: center 1/2, half = z / (1 + z^2/n) * sqrt(1/(4n) + z^2/(4n^2)) = 0.26341
    assert wilson(5, 10).high - 0.5 == pytest.approx(0.26341, abs=1e-4)


@given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0.01, 0.999))
def test_wilson_contains_the_estimate_and_stays_inside_0_and_1(trials: int, share: float, confidence: float) -> None:
    successes = round(share * trials)
    interval = wilson(successes, trials, confidence)
    assert 0 <= interval.low <= successes / trials <= interval.high <= 1


@pytest.mark.parametrize("successes, trials", [(-1, 10), (11, 10), (0, 0)])
def test_wilson_names_impossible_counts(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match=f"got {successes} of {trials}"):
        wilson(successes, trials)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_confidence_must_be_a_share(confidence: float) -> None:
    for call in (
        lambda: wilson(1, 2, confidence),
        lambda: mean_interval([1, 2], confidence),
        lambda: bootstrap(np.mean, [1, 2], confidence=confidence),
    ):
        with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
            call()


def test_bootstrap_agrees_with_scipy_within_its_noise() -> None:
    values = np.random.default_rng(1).exponential(size=80)
    ours = bootstrap(np.median, values, n_resamples=2000)
    scipys = stats.bootstrap((values,), np.median, n_resamples=2000, method="percentile", rng=2).confidence_interval
    width = scipys.high - scipys.low
    assert abs(ours.low - scipys.low) < 0.1 * width
    assert abs(ours.high - scipys.high) < 0.1 * width


def test_bootstrap_draws_rows_of_all_arrays_together() -> None:
    generator = np.random.default_rng(0)
    a = generator.normal(size=(30, 2))
    interval = bootstrap(lambda x, y: np.abs(x[:, 0] - y).max(), a, a[:, 0].copy(), n_resamples=50)
    assert interval == Interval(0.0, 0.0)


def test_bootstrap_is_set_by_its_seed() -> None:
    values = np.arange(20.0)
    assert bootstrap(np.mean, values, n_resamples=50) == bootstrap(np.mean, values, n_resamples=50)
    assert bootstrap(np.mean, values, n_resamples=50) != bootstrap(np.mean, values, n_resamples=50, seed=1)


def test_bootstrap_refuses_what_it_cannot_resample() -> None:
    with pytest.raises(ValueError, match=r"lengths \[2, 3\]"):
        bootstrap(np.mean, [1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"lengths \[\]"):
        bootstrap(np.mean)
    with pytest.raises(ValueError, match=r"lengths \[0\]"):
        bootstrap(np.mean, [])
    with pytest.raises(ValueError, match="n_resamples"):
        bootstrap(np.mean, [1, 2], n_resamples=0)
    with pytest.raises(ValueError, match="NaN on resample 0"):
        bootstrap(lambda x: float("nan"), [1, 2])


def test_mean_interval_equals_scipy_and_the_table() -> None:
    values = [0.91, 0.93, 0.95, 0.90]
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    interval = mean_interval(values)
    assert (interval.low, interval.high) == pytest.approx(expected)
    # Three values -1, 0, 1: t(0.975, 2) = 4.303, divided by sqrt(3).
    assert mean_interval([-1, 0, 1]).high == pytest.approx(4.303 / np.sqrt(3), abs=1e-3)


def test_mean_interval_needs_two_finite_values() -> None:
    with pytest.raises(ValueError, match="run more seeds"):
        mean_interval([1.0])
    with pytest.raises(ValueError, match=r"values\[1\] is nan"):
        mean_interval([1.0, np.nan])


def test_paired_difference_removes_what_the_pairs_share() -> None:
    seeds = np.array([0.0, 10.0, -10.0, 5.0])
    gain = np.array([1.0, 1.1, 0.9, 1.0])
    interval = paired_difference(seeds + gain, seeds)
    expected = stats.ttest_rel(seeds + gain, seeds).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.low > 0
    assert mean_interval(seeds + gain).overlaps(mean_interval(seeds))
    with pytest.raises(ValueError, match="got 2 and 3"):
        paired_difference([1, 2], [1, 2, 3])


def test_overlaps_is_symmetric_and_counts_a_shared_end() -> None:
    assert Interval(0, 1).overlaps(Interval(1, 2)) and Interval(1, 2).overlaps(Interval(0, 1))
    assert not Interval(0, 1).overlaps(Interval(1.1, 2)) and not Interval(1.1, 2).overlaps(Interval(0, 1))
