from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import center_loss_faces as benchmark
from benchmarks.center_loss_faces import one_run, sweep
from course_lib import data, training


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> data.ImageSet:
    """Colour pictures of six people, small, and settings to go with them."""
    small = {"SIDE": 32, "WIDTH": 0.25, "BATCH": 8, "EPOCHS": 1, "TEST_PEOPLE": 2, "A_PERSON": 4, "PAIRS": 20}
    for name, value in (small | {"SEEDS": (0,), "WEIGHTS": (0.0, 1.0)}).items():
        monkeypatch.setattr(benchmark, name, value)
    people = data.orl_faces().subset(range(60)).resized(32, 32)
    return data.ImageSet(people.images.repeat(1, 3, 1, 1), people.labels, people.names[:6], people.source)


@pytest.fixture
def view(people: data.ImageSet) -> tuple[torch.Tensor, dict[str, data.Pairs]]:
    """Photographs and pairs that stand in for LFW's."""
    faces = data.orl_faces().subset(range(60, 120)).resized(32, 32)
    lists = ("dev_train", "dev_test")
    pairs = {name: data.verification_pairs(faces.labels, 20, seed=seed) for seed, name in enumerate(lists)}
    return faces.images.repeat(1, 3, 1, 1), pairs


@pytest.mark.slow
def test_runs_are_recorded_and_not_repeated(people, view, records, monkeypatch: pytest.MonkeyPatch):
    runs = sweep(people, *view)["runs"]
    assert [(run["weight"], run["seed"]) for run in runs] == [(0.0, 0), (1.0, 0)]
    assert all(run["length"] > 0 and 0 <= run["named"] <= 1 for run in runs)
    monkeypatch.setattr(benchmark, "train", lambda *_: pytest.fail("trained again"))
    assert sweep(people, *view)["runs"] == runs


def test_view_1_is_judged_by_the_threshold_of_its_training_pairs(people, view, monkeypatch: pytest.MonkeyPatch):
    pixels = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(8), torch.nn.Flatten())
    monkeypatch.setattr(benchmark, "train", lambda *_: (pixels, 0.5))
    found = one_run(people, *view, 0.0, 0)
    images, pairs = view
    embeddings = training.embed(pixels, images, flip=True).astype(np.float64)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = {name: np.sum(unit[some.left] * unit[some.right], axis=1) for name, some in pairs.items()}
    # By hand: every threshold between two scores is tried, the highest of the best is taken.
    ordered = np.sort(cosines["dev_train"])
    between = [(low + high) / 2 for low, high in zip(ordered, ordered[1:], strict=False)]
    right = [np.mean((cosines["dev_train"] >= threshold) == pairs["dev_train"].same) for threshold in between]
    threshold = max(t for t, share in zip(between, right, strict=True) if share == max(right))
    expected = np.mean((cosines["dev_test"] >= threshold) == pairs["dev_test"].same)
    assert found["named"] == 0.5 and found["view1_cosine"] == pytest.approx(expected, abs=1e-4)
