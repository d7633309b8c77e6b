"""TAR at FAR and thresholds against scikit-learn and counting, worked examples, ties, coverage and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from score_sets import random_pairs, scored_pairs, tied_sets
from sklearn.metrics import roc_curve

from course_lib.evaluation import (
    kfold_accuracy,
    tar_at_far,
    tar_nearest_far,
    tars_at_fars,
    threshold_at,
    verification,
)

FARS = (0.3, 0.001, 1.0, 0.1, 0.5)


@pytest.mark.slow
def test_strict_reading_equals_scikit_learn_and_counting_on_a_thousand_sets_with_ties() -> None:
    for scores, same in tied_sets():
        far, tar, thresholds = roc_curve(same, scores, drop_intermediate=False)
        for point in tars_at_fars(scores, same, FARS):
            last = np.searchsorted(far, point.far_target, side="right") - 1
            assert (point.far_achieved, point.tar, point.threshold) == (far[last], tar[last], thresholds[last])
            assert point.far_achieved == np.mean(scores[~same] >= point.threshold) <= point.far_target
            lower = scores[scores < point.threshold].max(initial=-np.inf)  # the next threshold breaks the promise
            assert np.isneginf(lower) or np.mean(scores[~same] >= lower) > point.far_target


@pytest.mark.slow
def test_nearest_reading_equals_the_published_one_on_a_thousand_sets_with_ties() -> None:
    for scores, same in tied_sets():
        far, tar, _ = (part[::-1] for part in roc_curve(same, scores))
        for target in FARS:
            nearest = min(range(len(far)), key=lambda index, target=target: (abs(far[index] - target), index))
            point = tar_nearest_far(scores, same, target)
            assert (point.far_achieved, point.tar) == (far[nearest], tar[nearest])
            assert point.tar == np.mean(scores[same] >= point.threshold)


def test_readings_by_hand() -> None:
    # Two impostors of four above 0.5: FAR 0.5 is too much for a target of 0.4, but nearer to it than 0.25.
    scores, same = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1]), np.array([True, False, True, False, False, False])
    strict, nearest = tar_at_far(scores, same, 0.4), tar_nearest_far(scores, same, 0.4)
    assert (strict.far_achieved, strict.tar, strict.threshold) == (0.25, 1.0, 0.7)
    assert (nearest.far_achieved, nearest.tar, nearest.threshold) == (0.25, 1.0, 0.7)
    assert tar_nearest_far(scores, same, 0.7).far_achieved == 1.0  # 0.5 and 0.75 lie on a straight piece
    at_all = tar_nearest_far([0.9, 0.8, 0.7, 0.6], [False, True, False, True], 0.4)
    assert (at_all.far_achieved, at_all.tar) == (0.5, 0.5)  # above its target


def test_many_targets_give_what_each_gives_alone() -> None:
    scores, same = random_pairs(1, n=3000)
    assert tars_at_fars(scores, same, FARS) == tuple(tar_at_far(scores, same, far) for far in FARS)
    assert tars_at_fars(scores, same, (0.1, 0.1))[0] == tars_at_fars(scores, same, (0.1, 0.1))[1]
    assert tars_at_fars(scores, same, ()) == ()
    assert verification(scores, same, fars=FARS).tar_at_far == tars_at_fars(scores, same, FARS)


def test_the_scores_are_left_as_they_were() -> None:
    scores, same = random_pairs(2)
    before = scores.copy()
    tars_at_fars(scores, same, FARS)
    threshold_at(0.1, scores, same)
    kfold_accuracy(scores, same)
    assert np.array_equal(scores, before)


def test_tar_at_far_by_hand() -> None:
    genuine, impostor = [0.9, 0.7, 0.5, 0.3], [0.8, 0.6, 0.4, 0.2]
    scores, same = np.array(genuine + impostor), np.array([True] * 4 + [False] * 4)
    at_half = tar_at_far(scores, same, 0.5)
    assert (at_half.tar, at_half.far_achieved, at_half.threshold) == (0.75, 0.5, 0.5)
    below_half = tar_at_far(scores, same, 0.49)
    assert (below_half.tar, below_half.far_achieved, below_half.far_target) == (0.5, 0.25, 0.49)
    assert below_half.resolved and not tar_at_far(scores, same, 0.2).resolved
    assert tar_at_far(scores, same, 1.0).tar == 1.0


def test_target_at_the_resolution_is_met_exactly() -> None:
    scores, same = np.arange(600) / 600, np.arange(600) % 2 == 0
    for far in (0.1, 0.01, 0.03, 0.07, 0.29, 1 / 300):
        result = tar_at_far(scores, same, far)
        assert result.resolved and result.far_achieved == far


def test_an_impostor_on_top_leaves_nothing_to_accept() -> None:
    result = tar_at_far([0.9, 0.8, 0.1], [False, True, False], 0.1)
    assert (result.tar, result.far_achieved, result.threshold, result.resolved) == (0.0, 0.0, np.inf, False)
    assert result.interval.low == 0.0 < result.interval.high


@given(scored_pairs(), st.floats(0.01, 1), st.floats(0.01, 1))
def test_tar_grows_with_far_and_far_keeps_its_promise(pairs, first: float, second: float) -> None:
    scores, same = pairs
    low, high = (tar_at_far(scores, same, far) for far in sorted((first, second)))
    assert low.tar <= high.tar
    for point in (low, high):
        assert point.far_achieved <= point.far_target
        assert point.far_achieved == np.mean(scores[~same] >= point.threshold)
        assert point.interval.low <= point.tar <= point.interval.high


# The threshold and its interval


def test_the_threshold_is_that_of_tar_at_far_and_its_interval_holds_it_on_a_thousand_sets_with_ties() -> None:
    for scores, same in tied_sets():
        for far in (0.02, 0.3):
            point, found = tar_at_far(scores, same, far), threshold_at(far, scores, same)
            assert (found.threshold, found.far_achieved) == (point.threshold, point.far_achieved)
            assert (found.far_target, found.resolved) == (far, far >= 1 / np.sum(~same))
            assert found.interval.low <= found.threshold <= found.interval.high


def test_the_interval_is_made_of_impostor_scores_by_hand() -> None:
    # Of 20 impostors 0..19, binomial (20, 0.5) has its 2.5 % and 97.5 % quantiles at 6 and 14: the threshold with FAR
    # 0.5 lies between the 15th and the 6th highest.
    assert [binom.ppf(q, 20, 0.5) for q in (0.025, 0.975)] == [6, 14]
    found = threshold_at(0.5, np.append(np.arange(20.0), 100), np.arange(21) == 20)
    assert (found.interval.low, found.interval.high) == (5.0, 14.0)
    assert (found.threshold, found.far_achieved) == (10.0, 0.5)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_covers_the_true_threshold_as_often_as_it_says(confidence: float) -> None:
    generator, far, truth = np.random.default_rng(3), 0.05, 1.6448536  # of a standard normal distribution
    same = np.arange(301) == 300
    covered = 0
    for _ in range(400):
        interval = threshold_at(far, generator.normal(size=301) + 9 * same, same, confidence).interval
        covered += interval.low <= truth <= interval.high
    assert confidence - 0.04 < covered / 400 < confidence + 0.1


def test_too_few_impostors_leave_the_threshold_unbounded_above() -> None:
    def high(n_impostor: int) -> float:
        return threshold_at(
            0.001, np.append(np.arange(n_impostor), 1e6), np.arange(n_impostor + 1) == n_impostor
        ).interval.high

    assert high(3687) == np.inf and high(3688) < 1e6  # as the docstring says


@pytest.mark.parametrize("far", [0.0, -0.1, 1.5, float("nan")])
def test_far_must_be_a_share(far: float) -> None:
    with pytest.raises(ValueError, match=r"far must lie in \(0, 1\]"):
        tar_at_far([0.1, 0.2], [True, False], far)
        tars_at_fars([0.1, 0.2], [True, False], [0.1, far])
    with pytest.raises(ValueError, match=r"far must lie in \(0, 1\]"):
        tar_nearest_far([0.1, 0.2], [True, False], far)
    with pytest.raises(ValueError, match=r"far must lie in \(0, 1\]"):
        threshold_at(far, [0.1, 0.2], [True, False])
