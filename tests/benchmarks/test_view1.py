from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmarks import view1
from course_lib.data import Pairs


@pytest.fixture
def pairs() -> dict[str, Pairs]:
    generator = np.random.default_rng(0)
    left, right = generator.integers(0, 30, 60), generator.integers(30, 60, 60)
    return {view: Pairs(left, right, np.arange(60) % 2 == 0) for view in ("dev_train", "dev_test")}


@pytest.fixture
def embeddings() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(60, 8)).astype(np.float32)


def test_the_crops_are_cut_once_and_again_for_another_folder(monkeypatch, tmp_path):
    photographs, cut = [3], []

    def cut_them():
        cut.append(photographs[0])
        return torch.arange(photographs[0], dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 3, 4, 4), {}

    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr(view1.shipped_tried, "view1", cut_them)
    monkeypatch.setattr(view1, "lfw_files", lambda: [None] * photographs[0])
    monkeypatch.setattr(view1.data, "lfw_pairs", lambda view: view)
    for _ in range(2):
        crops, pairs = view1.view1()
        assert torch.equal(crops, cut_them()[0]) and cut.pop() == 3
    assert cut == [3] and pairs == {"dev_train": "dev_train", "dev_test": "dev_test"}
    photographs[0] = 4
    assert len(view1.view1()[0]) == 4


def test_each_seed_draws_other_images_once_each():
    images = torch.arange(40, dtype=torch.uint8).reshape(-1, 1, 1, 1)
    first, again, other = (view1.drawn(images, 20, seed) for seed in (0, 0, 1))
    assert first.dtype == np.float32 and first.shape == (20, 1, 1, 1)
    assert np.array_equal(first, again) and not np.array_equal(first, other) and len(np.unique(first)) == 20
    assert np.isin(np.round(first * 128 + 127.5), np.arange(40)).all()


def test_the_area_is_that_of_scikit_learn(embeddings, pairs):
    test = pairs["dev_test"]
    scores = [
        embeddings[a] @ embeddings[b] / np.linalg.norm(embeddings[a]) / np.linalg.norm(embeddings[b])
        for a, b in zip(test.left, test.right, strict=True)
    ]
    found = view1.verified(embeddings, pairs)
    assert found["auc"] == pytest.approx(roc_auc_score(test.same, scores), abs=1e-6)
    assert 0.5 <= found["accuracy"] <= 1


def test_embeddings_that_are_all_the_same_have_no_threshold(pairs):
    found = view1.verified(np.ones((60, 8)), pairs)
    assert found["threshold"] is None and (found["accuracy"], found["auc"]) == (0.5, 0.5)


def test_the_same_embeddings_at_another_length_do_not_differ(embeddings, pairs):
    threshold = view1.verified(embeddings, pairs)["threshold"]
    found = view1.verified_int8(3 * embeddings, embeddings, threshold, pairs)
    assert (found["cosine"], found["lowest_cosine"]) == (1, 1)
    assert found["genuine_moved"] == found["impostor_moved"] == 0


def test_scores_that_moved_are_judged_by_the_old_threshold_too():
    """In the plane: two pairs at 60 and at 90 degrees, which 8 bits turn into 0 and 60 degrees."""
    degrees = {"fp32": (0, 60, 0, 90), "int8": (0, 0, 0, 60)}
    fp32, int8 = (np.stack([np.cos(np.radians(a)), np.sin(np.radians(a))], axis=1) for a in degrees.values())
    test = Pairs(np.array([0, 2]), np.array([1, 3]), np.array([True, False]))
    found = view1.verified_int8(int8, fp32, 0.4, {"dev_train": test, "dev_test": test})
    assert (found["accuracy"], found["accuracy_kept"]) == (1, 0.5)  # at 0.4 the impostor, now 0.5, is let in
    assert (found["genuine_moved"], found["impostor_moved"]) == (0.5, 0.5)
    assert found["cosine"] == pytest.approx((1 + 0.5 + 1 + np.sqrt(3) / 2) / 4, abs=1e-5)
    assert found["lowest_cosine"] == 0.5
