"""ROC, DET and EER against scikit-learn, worked examples and their laws."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from score_sets import random_pairs, scored_pairs, tied_sets
from sklearn.metrics import det_curve, roc_curve

from course_lib.evaluation import det, eer, roc, tar_at_far, tar_nearest_far, threshold_at

AT_FAR = (
    lambda scores, same: tar_at_far(scores, same, 0.1),
    lambda scores, same: tar_nearest_far(scores, same, 0.1),
    lambda scores, same: threshold_at(0.1, scores, same),
)


@pytest.mark.parametrize("decimals", [8, 1, 0])  # few decimals make ties
def test_roc_equals_scikit_learn(decimals: int) -> None:
    scores, same = random_pairs(0)
    curve, expected = (
        roc(scores.round(decimals), same),
        roc_curve(same, scores.round(decimals), drop_intermediate=False),
    )
    np.testing.assert_allclose(curve.far, expected[0])
    np.testing.assert_allclose(curve.tar, expected[1])
    np.testing.assert_allclose(curve.thresholds, expected[2])


def test_equal_scores_are_accepted_together() -> None:
    curve = roc([0.5, 0.5, 0.5, 0.1], [True, False, True, False])
    np.testing.assert_array_equal(curve.thresholds, [np.inf, 0.5, 0.1])
    np.testing.assert_array_equal(curve.far, [0, 0.5, 1])
    np.testing.assert_array_equal(curve.tar, [0, 1, 1])


@given(scored_pairs())
def test_roc_counts_what_its_thresholds_accept(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    scores, same = pairs
    curve = roc(scores, same)
    assert np.all(np.diff(curve.far) >= 0) and np.all(np.diff(curve.tar) >= 0) and np.all(np.diff(curve.thresholds) < 0)
    for far, tar, threshold in zip(curve.far, curve.tar, curve.thresholds, strict=True):
        assert far == np.mean(scores[~same] >= threshold)
        assert tar == np.mean(scores[same] >= threshold)


@given(scored_pairs(), st.randoms(use_true_random=False))
def test_curves_ignore_order_and_increasing_transforms(pairs: tuple[np.ndarray, np.ndarray], random) -> None:
    scores, same = pairs
    order = random.sample(range(len(scores)), len(scores))
    curve, rate, point = roc(scores, same), eer(scores, same).rate, tar_at_far(scores, same, 0.3)
    for other, labels in ((scores[order], same[order]), (np.exp(scores), same), (scores**3 - 5, same)):
        np.testing.assert_array_equal(roc(other, labels).far, curve.far)
        np.testing.assert_array_equal(roc(other, labels).tar, curve.tar)
        assert eer(other, labels).rate == rate
        assert tar_at_far(other, labels, 0.3).tar == point.tar


def test_eer_by_hand() -> None:
    # Rejecting everything (FAR 0, FRR 1), then per accepted score: FAR 0, 0, 1/2, 1/2, 1 and FRR 2/3, 1/3, 1/3, 0, 0.
    # They cross between (0, 1/3) and (1/2, 1/3): FAR = 1/3 two thirds of the way, from score 0.8 to 0.5.
    result = eer([0.9, 0.8, 0.5, 0.4, 0.1], [True, True, False, True, False])
    assert result.rate == pytest.approx(1 / 3)
    assert result.threshold == pytest.approx(0.8 + 2 / 3 * (0.5 - 0.8))


@pytest.mark.parametrize(
    "scores, rate, threshold",
    [([0.9, 0.8, 0.2, 0.1], 0.0, 0.8), ([0.1, 0.2, 0.8, 0.9], 1.0, 0.8), ([0.5, 0.5, 0.5, 0.5], 0.5, 0.5)],
    ids=["separated", "reversed", "all equal"],
)
def test_eer_at_the_ends(scores: list[float], rate: float, threshold: float) -> None:
    result = eer(scores, [True, True, False, False])
    assert (result.rate, result.threshold) == (rate, threshold)


@given(scored_pairs())
def test_eer_lies_between_the_errors_of_its_neighbours(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    curve, result = roc(*pairs), eer(*pairs)
    worst_case = np.maximum(curve.far, 1 - curve.tar).min()  # an achieved point cannot beat both interpolated errors
    best_case = np.minimum(curve.far, 1 - curve.tar).max()
    assert best_case - 1e-12 <= result.rate <= worst_case + 1e-12
    assert np.isfinite(result.threshold)


def test_eer_of_two_gaussians() -> None:
    # Equal spreads, means 2 apart: errors meet in the middle, at Phi(-1) = 0.1587.
    result = eer(*random_pairs(3, n=200_000, separation=2.0))
    assert result.rate == pytest.approx(0.1587, abs=0.004)
    assert result.threshold == pytest.approx(1.0, abs=0.02)


@pytest.mark.slow
def test_the_curves_equal_scikit_learn_on_a_thousand_sets_with_ties() -> None:
    for scores, same in tied_sets():
        curve, errors = roc(scores, same), det(scores, same)
        far, tar, thresholds = roc_curve(same, scores, drop_intermediate=False)
        assert np.array_equal(curve.far, far) and np.array_equal(curve.tar, tar)
        assert np.array_equal(curve.thresholds, thresholds)
        assert np.array_equal(errors.far, far) and np.array_equal(errors.thresholds, thresholds)
        # scikit-learn leaves out the points before the last without a false accept, and after the first without a
        # false reject.
        their_far, their_frr, their_thresholds = (part[::-1] for part in det_curve(same, scores))
        shared = np.flatnonzero(np.isin(errors.thresholds, their_thresholds))
        assert len(shared) == len(their_thresholds) and np.array_equal(errors.far[shared], their_far)
        np.testing.assert_allclose(errors.frr[shared], their_frr, atol=1e-15)


def test_det_is_straight_for_two_normal_distributions() -> None:
    # Equal spreads, means 2 apart: probit(FAR) = -t and probit(FRR) = t - 2, so the probits add up to -2.
    curve = det(*random_pairs(0, n=200_000, separation=2.0))
    middle = (curve.far > 0.01) & (curve.frr > 0.01)
    assert np.abs(curve.far_probit[middle] + curve.frr_probit[middle] + 2).max() < 0.1


def test_probits_by_hand() -> None:
    curve = det([0.9, 0.5, 0.4, 0.1], [True, False, True, False])
    np.testing.assert_array_equal(curve.frr, [1, 0.5, 0.5, 0, 0])
    np.testing.assert_allclose(curve.far_probit, [-np.inf, -np.inf, 0, 0, np.inf], atol=1e-15)
    np.testing.assert_allclose(curve.frr_probit, [np.inf, 0, 0, -np.inf, -np.inf], atol=1e-15)
    curve = det(np.arange(100), np.arange(100) >= 50)
    probits = [NormalDist().inv_cdf(share) for share in curve.far if 0 < share < 1]
    np.testing.assert_allclose(curve.far_probit[np.isfinite(curve.far_probit)], probits)


@pytest.mark.parametrize("function", [roc, eer, det, *AT_FAR])
def test_bad_pairs_are_named(function) -> None:
    with pytest.raises(ValueError, match=r"scores\[1\] is nan"):
        function([0.1, np.nan], [True, False])
    with pytest.raises(ValueError, match=r"scores\[0\] is inf"):
        function([np.inf, 0.2], [True, False])
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        function([0.1, 0.2], [True, False, True])
    with pytest.raises(ValueError, match="no impostor"):
        function([0.1, 0.2], [True, True])
    with pytest.raises(ValueError, match="no genuine"):
        function([0.1, 0.2], [False, False])
    with pytest.raises(TypeError, match="same must be boolean, got int64"):
        function([0.1, 0.2], np.array([1, 0], dtype=np.int64))
    with pytest.raises(ValueError, match=r"scores must have 1 axis/axes, got shape \(1, 2\)"):
        function([[0.1, 0.2]], [[True, False]])
    with pytest.raises(ValueError, match="no genuine"):
        function([], np.array([], dtype=bool))
