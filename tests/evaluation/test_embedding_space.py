"""Intra- and inter-class distances: a worked example, an independent computation, and their symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group
from sklearn.neighbors import NearestCentroid

from course_lib.evaluation import embedding_space


def clusters(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(5), [2, 3, 4, 5, 6])
    return generator.normal(size=(5, 3))[labels] * 4 + generator.normal(size=(20, 3)), labels


def test_by_hand() -> None:
    # Class 7: (0,0) and (2,0), mean (1,0), distances 1 and 1. Class 9: (1,3) and (1,5), mean (1,4), distances 1 and 1.
    # Class 8 has one image at (1,12): no part of intra. Distances of means: 4, 12 and 8.
    space = embedding_space([[0, 0], [1, 12], [2, 0], [1, 3], [1, 5]], [7, 8, 7, 9, 9])
    assert (space.intra, space.inter, space.ratio, space.n_singletons) == (1.0, 8.0, 0.125, 1)
    np.testing.assert_array_equal(space.classes, [7, 8, 9])
    np.testing.assert_array_equal(space.centers, [[1, 0], [1, 12], [1, 4]])
    np.testing.assert_array_equal(space.per_class_intra, [1, np.nan, 1])


def test_equals_scipy_and_scikit_learn() -> None:
    embeddings, labels = clusters()
    space = embedding_space(embeddings, labels)
    centers = NearestCentroid().fit(embeddings, labels).centroids_
    np.testing.assert_allclose(space.centers, centers)
    assert space.inter == pytest.approx(pdist(centers).mean())
    expected = [np.linalg.norm(embeddings[labels == c] - centers[c], axis=1).mean() for c in range(5)]
    np.testing.assert_allclose(space.per_class_intra, expected)
    assert space.intra == pytest.approx(np.mean(expected))


def test_every_class_weighs_the_same() -> None:
    # 2 images at distance 1 and 4 images at distance 3: the mean over classes is 2, over images it would be 7/3.
    space = embedding_space([[1], [-1], [97], [97], [103], [103]], [0, 0, 1, 1, 1, 1])
    assert space.intra == pytest.approx(2.0)


@given(st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_symmetries(scale: float, seed: int) -> None:
    embeddings, labels = clusters(seed)
    base = embedding_space(embeddings, labels)
    scaled = embedding_space(scale * embeddings, labels)
    assert scaled.ratio == pytest.approx(base.ratio) and scaled.intra == pytest.approx(scale * base.intra)
    moved = embedding_space(embeddings @ ortho_group.rvs(3, random_state=seed) + [5, -3, 1], labels)
    assert (moved.intra, moved.inter) == pytest.approx((base.intra, base.inter))
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = embedding_space(embeddings[order], labels[order])
    assert (shuffled.intra, shuffled.inter) == pytest.approx((base.intra, base.inter))


def test_labels_may_be_names() -> None:
    space = embedding_space([[0.0], [2.0], [10.0], [12.0]], ["ann", "ann", "bob", "bob"])
    assert list(space.classes) == ["ann", "bob"] and space.ratio == pytest.approx(0.1)


def test_bad_input_is_named() -> None:
    two = np.array([[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match=r"embeddings\[1, 0\] is nan"):
        embedding_space([[0.0, 1.0], [np.nan, 0.0]], [0, 1])
    with pytest.raises(ValueError, match=r"got shape \(3,\) for 2"):
        embedding_space(two, [0, 1, 1])
    with pytest.raises(ValueError, match="at least 2 classes, got 1"):
        embedding_space(two, [0, 0])
    with pytest.raises(ValueError, match="Each of the 2 classes has one image"):
        embedding_space(two, [0, 1])
    with pytest.raises(ValueError, match="class means are the same point"):
        embedding_space(np.zeros((4, 2)), [0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"embeddings must have 2 axis/axes, got shape \(2,\)"):
        embedding_space([0.0, 1.0], [0, 1])
