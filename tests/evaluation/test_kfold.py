"""K-fold accuracy: the published LFW folds, worked examples, and no look at the held-out fold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from score_sets import tied_sets
from sklearn.model_selection import KFold

from course_lib.evaluation import kfold_accuracy
from course_lib.evaluation.kfold import best_threshold, fold_numbers


def lfw_order(n_folds: int = 10, per_kind: int = 300) -> np.ndarray:
    """Labels in the published order: in each fold first the genuine pairs, then the impostor pairs."""
    return np.tile(np.repeat([True, False], per_kind), n_folds)


def noisy_scores(same: np.ndarray, seed: int = 0, separation: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(same)) + separation * same


def test_folds_are_the_published_ones_on_lfw_order() -> None:
    folds = fold_numbers(lfw_order(), 10)
    for number, (_, held_out) in enumerate(KFold(10, shuffle=False).split(folds)):
        np.testing.assert_array_equal(np.flatnonzero(folds == number), held_out)


@given(st.lists(st.booleans(), min_size=8, max_size=60), st.integers(2, 4))
def test_folds_are_balanced_and_contiguous_on_any_order(labels: list[bool], n_folds: int) -> None:
    same = np.array(labels + [True, False] * n_folds)
    folds = fold_numbers(same, n_folds)
    for kind in (True, False):
        sizes = np.bincount(folds[same == kind], minlength=n_folds)
        assert sizes.max() - sizes.min() <= 1
        assert np.all(np.diff(folds[same == kind]) >= 0)


def test_accuracy_equals_a_slow_independent_loop() -> None:
    same = lfw_order(per_kind=20)
    scores = noisy_scores(same)
    expected, blocks = [], np.split(np.arange(len(same)), 10)
    for block in blocks:
        train = np.setdiff1d(np.arange(len(same)), block)
        candidates = np.unique(scores[train])
        candidates = np.concatenate([(candidates[1:] + candidates[:-1]) / 2, candidates[:1], [np.inf]])
        accuracies = [np.mean((scores[train] >= candidate) == same[train]) for candidate in candidates]
        best = candidates[np.array(accuracies) == max(accuracies)].max()
        expected.append(np.mean((scores[block] >= best) == same[block]))
    result = kfold_accuracy(scores, same)
    np.testing.assert_allclose(result.per_fold, expected)
    assert result.mean == pytest.approx(np.mean(expected))
    assert result.std == pytest.approx(np.std(expected, ddof=1))
    assert result.interval.low < result.mean < result.interval.high


@pytest.mark.parametrize("fold", [0, 4, 9])
def test_threshold_does_not_depend_on_the_held_out_fold(fold: int) -> None:
    same = lfw_order(per_kind=30)
    scores, generator = noisy_scores(same, seed=1), np.random.default_rng(2)
    block = np.arange(60 * fold, 60 * (fold + 1))
    shuffled_labels, other_scores = same.copy(), scores.copy()
    shuffled_labels[block] = generator.permutation(same[block])
    other_scores[block] = generator.normal(size=len(block))
    before = kfold_accuracy(scores, same)
    for result in (kfold_accuracy(scores, shuffled_labels), kfold_accuracy(other_scores, same)):
        assert result.thresholds[fold] == before.thresholds[fold]
        assert result.per_fold[fold] != before.per_fold[fold]
        assert np.any(np.delete(result.thresholds, fold) != np.delete(before.thresholds, fold))


def test_scores_without_information_give_no_better_than_chance() -> None:
    same = lfw_order(per_kind=100)
    result = kfold_accuracy(noisy_scores(same, seed=5, separation=0.0), same)
    assert abs(result.mean - 0.5) < 0.05


@pytest.mark.parametrize(
    "scores, same, threshold",
    [
        ([0.9, 0.7, 0.3, 0.1], [True, True, False, False], 0.5),  # midway across the gap
        ([0.9, 0.8, 0.6, 0.2], [True, False, True, False], 0.85),  # 0.85 and 0.4 are both 3 of 4: the stricter
        ([0.5, 0.4], [False, True], np.inf),  # reject all and accept all are both 1 of 2: reject
        ([0.5, 0.4, 0.3], [False, True, True], 0.3),  # accept all
    ],
)
def test_threshold_tie_rule(scores: list[float], same: list[bool], threshold: float) -> None:
    assert best_threshold(np.array(scores), np.array(same)) == pytest.approx(threshold)


def test_a_threshold_between_neighbouring_floats_still_parts_them() -> None:
    low, high = 0.5, np.nextafter(0.5, 1)
    assert low < best_threshold(np.array([high, low]), np.array([True, False])) <= high


def test_ties_are_counted_and_not_lost_to_rounding() -> None:
    # Rejecting all and accepting the 6 or the 10 highest are each right on 15 of 24; as sums of shares they differ.
    same = np.array([letter == "G" for letter in "IIIGGGIIGGIIIGIIIIGIIGGI"])
    assert best_threshold(np.arange(24.0)[::-1], same) == np.inf


def test_a_held_out_score_equal_to_the_threshold_is_accepted() -> None:
    # All scores are equal, and genuine pairs are the majority: accept all, at the threshold 0.5.
    result = kfold_accuracy(np.full(6, 0.5), np.array([True] * 4 + [False] * 2), n_folds=2)
    np.testing.assert_array_equal(result.thresholds, [0.5, 0.5])
    assert result.mean == pytest.approx(2 / 3)


def test_separated_scores_are_all_right() -> None:
    result = kfold_accuracy(np.repeat([1.0, 0.0], 5), np.repeat([True, False], 5), n_folds=5)
    assert (result.mean, result.std) == (1.0, 0.0)
    np.testing.assert_array_equal(result.thresholds, np.full(5, 0.5))
    assert result.interval.high == 1.0 and result.interval.low < 0.8


@pytest.mark.parametrize("n_folds", [0, 1, 4])
def test_impossible_fold_counts_are_named(n_folds: int) -> None:
    same = np.array([True] * 10 + [False] * 3)
    with pytest.raises(ValueError, match=f"pairs, got {n_folds}"):
        kfold_accuracy(np.arange(13.0), same, n_folds=n_folds)


def test_bad_scores_are_named() -> None:
    with pytest.raises(ValueError, match=r"scores\[2\] is nan"):
        kfold_accuracy([0.1, 0.2, np.nan, 0.4], [True, True, False, False], n_folds=2)
    with pytest.raises(TypeError, match="same must be boolean"):
        kfold_accuracy([0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0], n_folds=2)


def test_best_threshold_equals_trying_every_one_on_a_thousand_sets_with_ties() -> None:
    for scores, same in tied_sets():
        distinct = np.unique(scores)
        candidates = np.concatenate([distinct[:1], (distinct[1:] + distinct[:-1]) / 2, [np.inf]])
        right = np.array([np.sum((scores >= candidate) == same) for candidate in candidates])
        assert best_threshold(scores, same) == candidates[right == right.max()].max()
