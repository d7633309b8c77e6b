"""ROC, EER and TAR at FAR against scikit-learn, worked examples and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from course_lib.evaluation import eer, roc, tar_at_far


def random_pairs(seed: int, n: int = 400, separation: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    same = generator.random(n) < 0.5
    return generator.normal(size=n) + separation * same, same


@st.composite
def scored_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Small sets with many ties: scores are multiples of 1/4."""
    same = draw(st.lists(st.booleans(), min_size=2, max_size=30).filter(lambda pairs: any(pairs) and not all(pairs)))
    scores = draw(st.lists(st.integers(-8, 8), min_size=len(same), max_size=len(same)))
    return np.array(scores) / 4, np.array(same)


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


@pytest.mark.parametrize("function", [roc, eer, lambda scores, same: tar_at_far(scores, same, 0.1)])
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


@pytest.mark.parametrize("far", [0.0, -0.1, 1.5, float("nan")])
def test_far_must_be_a_share(far: float) -> None:
    with pytest.raises(ValueError, match=r"far must lie in \(0, 1\]"):
        tar_at_far([0.1, 0.2], [True, False], far)
