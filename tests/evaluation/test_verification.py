"""Cosine scores and the bundle of metrics."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity

from course_lib.evaluation import cosine_scores, eer, kfold_accuracy, tar_at_far, verification


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


def test_cosine_scores_name_the_bad_embedding_or_index() -> None:
    good = np.eye(3)
    with pytest.raises(ValueError, match=r"embeddings\[1\] has norm 0"):
        cosine_scores([[1.0, 0.0], [0.0, 0.0]], [0], [0])
    with pytest.raises(ValueError, match=r"embeddings\[2, 1\] is nan"):
        cosine_scores(np.where(np.arange(9).reshape(3, 3) == 7, np.nan, good), [0], [1])
    with pytest.raises(ValueError, match=r"embeddings must have 2 axis/axes, got shape \(3,\)"):
        cosine_scores(np.ones(3), [0], [1])
    with pytest.raises(ValueError, match=r"right\[1\] is 3, expected 0 to 2"):
        cosine_scores(good, [0, 1], [1, 3])
    with pytest.raises(ValueError, match=r"left\[0\] is -1"):
        cosine_scores(good, [-1], [1])
    with pytest.raises(ValueError, match="got 2 and 1"):
        cosine_scores(good, [0, 1], [1])
    with pytest.raises(TypeError, match="left must hold integers, got float64"):
        cosine_scores(good, [0.0], [1])
    with pytest.raises(ValueError, match=r"left must be one index per pair, got shape \(1, 1\)"):
        cosine_scores(good, [[0]], [1])


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray]:
    same = np.arange(400) % 4 != 0  # 300 genuine, 100 impostor
    return np.random.default_rng(0).normal(size=400) + 2 * same, same


def test_verification_bundles_the_single_metrics(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    result = verification(*pairs, n_folds=5, fars=(0.1, 0.001))
    assert (result.n_genuine, result.n_impostor) == (300, 100)
    assert result.eer == eer(*pairs)
    assert result.tar_at_far == (tar_at_far(*pairs, 0.1), tar_at_far(*pairs, 0.001))
    np.testing.assert_array_equal(result.accuracy.per_fold, kfold_accuracy(*pairs, n_folds=5).per_fold)
    with pytest.raises(FrozenInstanceError):
        result.eer = None


def test_summary_gives_per_cent_intervals_and_what_is_not_resolved(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    result = verification(*pairs, fars=(0.1, 0.001))
    lines = str(result).splitlines()
    assert lines[0] == "300 genuine and 100 impostor pairs, 95 % intervals"
    assert f"{100 * result.accuracy.mean:.2f} %" in lines[1] and f"{100 * result.accuracy.interval.low:.2f}" in lines[1]
    assert lines[2].split() == ["EER", f"{100 * result.eer.rate:.2f}", "%"]
    assert lines[3].startswith("TAR at FAR 10 %") and lines[3].endswith("FAR reached 10 %")
    assert lines[4] == "TAR at FAR 0.1 %      not resolved: one impostor pair is 1 %"
    assert str(result) == result.summary()


def test_confidence_widens_the_intervals(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    narrow, wide = verification(*pairs, confidence=0.8), verification(*pairs, confidence=0.99)
    assert wide.accuracy.interval.low < narrow.accuracy.interval.low
    assert wide.tar_at_far[0].interval.low < narrow.tar_at_far[0].interval.low
    assert "99 % intervals" in str(wide)


def test_verification_passes_errors_on() -> None:
    with pytest.raises(ValueError, match="n_folds must lie between 2 and the 2 genuine pairs, got 10"):
        verification([0.9, 0.8, 0.1, 0.2], [True, True, False, False])
    with pytest.raises(TypeError, match="same must be boolean"):
        verification([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0], n_folds=2)


def test_import_is_light() -> None:
    command = "import sys, course_lib.evaluation; print([m for m in ('torch', 'scipy', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
