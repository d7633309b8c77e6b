"""Cosines and squared distances against scikit-learn and SciPy, by hand, and how they go over into each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import cosine_similarity

from course_lib.evaluation import (
    cosine_scores,
    cosine_to_squared_l2,
    kfold_accuracy,
    squared_l2,
    squared_l2_to_cosine,
    tar_at_far,
)


def test_cosine_scores_equal_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=(20, 8)).astype(np.float32)
    left, right = generator.integers(20, size=(2, 50))
    scores = cosine_scores(embeddings, left, right)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, cosine_similarity(embeddings.astype(float))[left, right], atol=1e-12)


def test_cosine_scores_by_hand() -> None:
    embeddings = [[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0], [1.0, 1.0]]
    np.testing.assert_allclose(cosine_scores(embeddings, [0, 0, 0, 0], [0, 1, 2, 3]), [1, 0, -1, np.sqrt(0.5)])


@given(st.floats(1e-300, 1e300), st.integers(0, 2**32 - 1))
def test_cosine_scores_do_not_depend_on_the_norm(scale: float, seed: int) -> None:
    embeddings = np.random.default_rng(seed).normal(size=(4, 3))
    expected = cosine_scores(embeddings, [0, 2], [1, 3])
    np.testing.assert_allclose(cosine_scores(scale * embeddings, [0, 2], [1, 3]), expected, atol=1e-9)
    assert np.all(np.abs(expected) <= 1)


@pytest.mark.parametrize("scores", [cosine_scores, squared_l2])
def test_the_bad_embedding_or_index_is_named(scores) -> None:
    good = np.eye(3)
    with pytest.raises(ValueError, match=r"embeddings\[1\] has norm 0"):
        scores([[1.0, 0.0], [0.0, 0.0]], [0], [0])
    with pytest.raises(ValueError, match=r"embeddings\[2, 1\] is nan"):
        scores(np.where(np.arange(9).reshape(3, 3) == 7, np.nan, good), [0], [1])
    with pytest.raises(ValueError, match=r"embeddings must have 2 axis/axes, got shape \(3,\)"):
        scores(np.ones(3), [0], [1])
    with pytest.raises(ValueError, match=r"right\[1\] is 3, expected 0 to 2"):
        scores(good, [0, 1], [1, 3])
    with pytest.raises(ValueError, match=r"left\[0\] is -1"):
        scores(good, [-1], [1])
    with pytest.raises(ValueError, match="got 2 and 1"):
        scores(good, [0, 1], [1])
    with pytest.raises(TypeError, match="left must hold integers, got float64"):
        scores(good, [0.0], [1])
    with pytest.raises(ValueError, match=r"left must be one index per pair, got shape \(1, 1\)"):
        scores(good, [[0]], [1])


def embeddings_and_pairs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    return generator.normal(size=(30, 6)), *generator.integers(30, size=(2, 300))


def test_squared_l2_equals_scipy_and_two_less_twice_the_cosine() -> None:
    embeddings, left, right = embeddings_and_pairs()
    distances = squared_l2(embeddings, left, right)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    np.testing.assert_allclose(distances, cdist(unit, unit, "sqeuclidean")[left, right], atol=1e-12)
    np.testing.assert_allclose(distances, 2 - 2 * cosine_scores(embeddings, left, right), atol=1e-12)
    assert np.all(distances[left == right] == 0)


def test_squared_l2_by_hand() -> None:
    embeddings = [[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]]
    np.testing.assert_array_equal(squared_l2(embeddings, [0, 0, 0], [0, 1, 2]), [0, 2, 4])


def test_thresholds_go_over_into_each_other() -> None:
    assert [cosine_to_squared_l2(cosine) for cosine in (1, 0.5, 0, -1)] == [0, 1, 2, 4]
    assert [squared_l2_to_cosine(distance) for distance in (0, 1, 2, 4)] == [1, 0.5, 0, -1]
    for outside in (-1.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"A cosine lies in \[-1, 1\], got"):
            cosine_to_squared_l2(outside)
    for outside in (-0.1, 4.1, np.nan):
        with pytest.raises(ValueError, match=r"squared distance of unit vectors lies in \[0, 4\], got"):
            squared_l2_to_cosine(outside)


def test_both_scores_give_the_same_metrics_and_thresholds() -> None:
    embeddings, left, right = embeddings_and_pairs()
    cosines, distances = cosine_scores(embeddings, left, right), squared_l2(embeddings, left, right)
    same = cosines + np.random.default_rng(2).normal(size=300) > 0
    by_cosine, by_distance = tar_at_far(cosines, same, 0.1), tar_at_far(-distances, same, 0.1)
    assert by_cosine.tar == by_distance.tar and by_cosine.far_achieved == by_distance.far_achieved
    assert cosine_to_squared_l2(by_cosine.threshold) == pytest.approx(-by_distance.threshold)
    assert kfold_accuracy(cosines, same).mean == kfold_accuracy(-distances, same).mean


def test_rounding_leads_no_cosine_beyond_its_ends() -> None:
    rows = np.random.default_rng(0).normal(size=(500, 7))
    both, here = np.concatenate([rows, -rows]), np.arange(500)
    units = both / np.linalg.norm(both, axis=1, keepdims=True)
    alike = np.einsum("pd,pd->p", units, units)
    assert alike.max() > 1, "or nothing would be tested"
    assert cosine_scores(both, here, here).max() == 1 and cosine_scores(both, here, here + 500).min() == -1
