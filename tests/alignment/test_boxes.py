from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou
from torchvision.ops import nms as torchvision_nms

from course_lib.alignment import boxes as module
from course_lib.alignment.boxes import nms, overlap, squared


def random_boxes(seed: int, count: int, extent: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    corner = generator.uniform(0, extent, (count, 2))
    return np.hstack([corner, corner + generator.uniform(5, 40, (count, 2))]), generator.permutation(count) / count


def one_by_one(boxes: np.ndarray, scores: np.ndarray, threshold: float, mode: str) -> list[int]:
    """The definition, with loops: each box with each that was kept."""
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if not any(shared_part(boxes[other].tolist(), boxes[index].tolist(), mode) > threshold for other in kept):
            kept.append(index)
    return kept


def shared_part(one: list[float], other: list[float], mode: str) -> float:
    width, height = (min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1))
    shared = max(0.0, width) * max(0.0, height)
    area, other_area = (max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) for box in (one, other))
    whole = min(area, other_area) if mode == "min" else area + other_area - shared
    return shared / whole if whole > 0 else 0.0


def test_overlap_by_hand():
    boxes = np.array([[0.0, 0, 4, 2], [2, 0, 6, 2], [1, 0, 2, 1], [9, 9, 10, 10], [5, 5, 5, 5]])
    union, smaller = overlap(boxes[:1], boxes), overlap(boxes[:1], boxes, mode="min")
    np.testing.assert_allclose(union, [[1, 4 / 12, 1 / 8, 0, 0]])
    np.testing.assert_allclose(smaller, [[1, 1 / 2, 1, 0, 0]])


def test_overlap_agrees_with_torchvision():
    boxes, others = random_boxes(0, 30)[0], random_boxes(1, 20)[0]
    np.testing.assert_allclose(
        overlap(boxes, others), box_iou(torch.from_numpy(boxes), torch.from_numpy(others)).numpy(), atol=1e-12
    )


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("count", [1, 50, 3 * module.BLOCK])
def test_nms_agrees_with_torchvision(count, threshold):
    boxes, scores = random_boxes(count, count)
    expected = torchvision_nms(torch.from_numpy(boxes), torch.from_numpy(scores), threshold).numpy()
    np.testing.assert_array_equal(nms(boxes, scores, threshold), expected)


BOXES = {
    "squares": lambda corner, size: np.hstack([corner, corner + size[:, :1]]),
    "of any shape": lambda corner, size: np.hstack([corner, corner + np.exp(size / 4)]),
    "on whole pixels": lambda corner, size: np.hstack([corner, corner + size]).round(),
    "empty and turned inside out": lambda corner, size: np.hstack([corner, corner + size - 18]).round(),
    "all the same": lambda corner, size: np.tile(np.hstack([corner, corner + size])[:1], (len(corner), 1)),
    "few different": lambda corner, size: np.hstack([corner, corner + size])[np.arange(len(corner)) % 3],
    "huge": lambda corner, size: np.hstack([corner, corner + size]) * 1e17 - 1e18,
    "beyond all numbers": lambda corner, size: np.hstack([corner, corner + size]) * 1e305,
    "tiny": lambda corner, size: np.hstack([corner, corner + size]) * 1e-160,
    "of all sizes": lambda corner, size: np.hstack([corner, corner + size]) * np.exp2(12 * size[:, :1] - 200).round(),
    "float32": lambda corner, size: np.hstack([corner, corner + size]).astype(np.float32),
}


@settings(max_examples=300)
@given(
    kind=st.sampled_from(sorted(BOXES)),
    seed=st.integers(0, 10_000),
    count=st.integers(0, 40),
    threshold=st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]),
    mode=st.sampled_from(["union", "min"]),
    n_scores=st.sampled_from([1, 3, 1000]),
    block=st.sampled_from([1, 7, 256]),
    few=st.sampled_from([0, 1024]),
)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")  # beyond all numbers
def test_nms_is_the_definition(kind, seed, count, threshold, mode, n_scores, block, few):
    generator = np.random.default_rng(seed)
    boxes = BOXES[kind](generator.uniform(0, 40, (count, 2)), generator.uniform(5, 30, (count, 2)))
    scores = generator.integers(0, n_scores, count) / n_scores
    # float32 is rounded at every step, and the loops do not
    expected = one_by_one(boxes, scores, threshold, mode) if kind != "float32" else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        patch.setattr(module, "FEW", few)
        found = nms(boxes, scores, threshold, mode=mode).tolist()
        patch.setattr(module, "FEW", math.inf)
        assert found == (nms(boxes, scores, threshold, mode=mode).tolist() if expected is None else expected)


@pytest.mark.parametrize("mode", ["union", "min"])
def test_four_times_as_many_boxes_are_four_times_the_work(mode, monkeypatch):
    """Counted in pairs of boxes that are compared; a quarter of the pairs of all with all would be 16 times as many."""
    pairs = []

    def counted(boxes, others, mode):
        found = overlaps(boxes, others, mode)
        pairs[-1] += found.size
        return found

    overlaps = module._overlap
    monkeypatch.setattr(module, "_overlap", counted)
    for count in (5_000, 20_000):
        pairs.append(0)
        boxes, scores = random_boxes(count, count, extent=20 * math.sqrt(count))
        nms(boxes, scores, 0.5, mode=mode)
        assert pairs[-1] < count**2 / 10
    assert pairs[1] < 5.5 * pairs[0]


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 40))
def test_groups_are_suppressed_apart(seed, count):
    boxes, scores = random_boxes(seed, count, extent=30)
    groups = np.random.default_rng(seed).integers(5, 8, count)
    apart = [np.flatnonzero(groups == g)[nms(boxes[groups == g], scores[groups == g], 0.3)] for g in (5, 6, 7)]
    together = nms(boxes, scores, 0.3, groups=groups)
    assert sorted(together) == sorted(np.concatenate(apart))
    assert (np.diff(scores[together]) <= 0).all(), "the best comes first"


def test_a_chain_of_boxes_keeps_every_second():
    """Each clashes with its neighbours only: the third is kept because the second, which clashes with it, is not."""
    left = 4.0 * np.arange(9)
    boxes = np.stack([left, 0 * left, left + 10, 0 * left + 10], axis=1)  # neighbours 6/14, next but one 2/18
    assert nms(boxes, 1 - np.arange(9) / 10, 0.4).tolist() == [0, 2, 4, 6, 8]


def test_of_equal_scores_the_first_is_kept():
    boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]])
    assert nms(boxes, np.ones(3), 0.5).tolist() == [0, 2]


def test_a_box_within_another_goes_by_min_and_stays_by_union():
    boxes, scores = np.array([[0.0, 0, 10, 10], [2, 2, 5, 5]]), np.array([0.9, 0.8])
    assert nms(boxes, scores, 0.7, mode="min").tolist() == [0]
    assert nms(boxes, scores, 0.7).tolist() == [0, 1]


def test_squared_by_hand():
    boxes = np.array([[0.0, 0, 4, 2], [10, 10, 12, 16], [1, 1, 2, 2]])
    np.testing.assert_allclose(squared(boxes), [[0, -1, 4, 3], [8, 10, 14, 16], [1, 1, 2, 2]])
    assert squared(boxes[:0]).shape == (0, 4)


BOX, SCORE = np.array([[0.0, 0, 1, 1]]), np.array([0.5])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: overlap(BOX[0], BOX), r"shape \(4,\); expected \(N, 4\)"),
        (lambda: overlap(BOX, BOX[:, :3]), r"shape \(1, 3\)"),
        (lambda: overlap(BOX, BOX, mode="max"), "mode 'max' is not known; expected one of union, min"),
        (lambda: nms(BOX, SCORE, 0.5, mode="max"), "mode 'max'"),
        (lambda: nms(BOX, np.ones(2), 0.5), "expected one per box"),
        (lambda: nms(BOX, SCORE, 0.5, groups=np.zeros(3, dtype=int)), "expected one per box"),
        (lambda: nms(BOX, SCORE, 1.5), "threshold is 1.5; expected 0..1"),
        (lambda: nms(BOX, np.array([np.nan]), 0.5), "NaN"),
        (lambda: nms(BOX * np.nan, SCORE, 0.5), "NaN"),
        (lambda: squared(BOX[0]), r"expected \(N, 4\)"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
