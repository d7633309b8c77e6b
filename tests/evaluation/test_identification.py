"""Ranks, CMC and the open set against scikit-learn and plain counting, worked examples, ties and refusals."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from course_lib.evaluation import NOBODY, cmc, identification, open_set, rank_k, wilson

Scene = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def tied_scenes(n: int, strangers: bool) -> list[Scene]:
    """Probes and galleries of corners of a cube in 4 dimensions: all cosines are multiples of 1/2, exactly."""
    generator, scenes = np.random.default_rng(0), []
    for _ in range(n):
        n_probes, n_gallery = generator.integers(2, 10), generator.integers(2, 25)
        gallery_labels = generator.integers(NOBODY, 6, n_gallery)
        gallery_labels[0] = 0
        known = gallery_labels[gallery_labels != NOBODY]
        probe_labels = generator.choice(known, n_probes)
        if strangers:
            probe_labels[generator.random(n_probes) < 0.5] = NOBODY
            probe_labels[:2] = [9, known[0]]
        probes, gallery = (generator.choice([-1.0, 1.0], (count, 4)) for count in (n_probes, n_gallery))
        scenes.append((probes, probe_labels, gallery, gallery_labels))
    return scenes


def by_counting(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each probe the best cosine of a mate and of another entry, and its rank, by the definition."""
    probes, probe_labels, gallery, gallery_labels = (np.asarray(part, dtype=np.float64) for part in scene)
    mates, others, ranks = [], [], []
    for probe, label in zip(probes, probe_labels, strict=True):
        cosines = gallery @ probe / np.linalg.norm(gallery, axis=1) / np.linalg.norm(probe)
        is_mate = (gallery_labels == label) & (label != NOBODY)
        mates.append(cosines[is_mate].max(initial=-np.inf))
        others.append(cosines[~is_mate].max(initial=-np.inf))
        ranks.append(1 + np.sum(cosines[~is_mate] >= mates[-1]))
    return np.array(mates), np.array(others), np.array(ranks)


@pytest.fixture(params=[identification.BLOCK, 3], ids=["one block", "blocks of three"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "BLOCK", request.param)


@pytest.mark.slow
def test_ranks_equal_counting_on_a_thousand_scenes_with_ties(blocks: None) -> None:
    for scene in tied_scenes(1000, strangers=False):
        curve, ranks = cmc(*scene), by_counting(scene)[2]
        assert np.array_equal(curve.rank_of_probe, ranks)
        assert np.array_equal(curve.rates, [np.mean(ranks <= rank) for rank in range(1, len(scene[2]) + 1)])
        assert curve.n_distractors == np.sum(scene[3] == NOBODY)


@pytest.mark.slow
def test_open_set_equals_counting_on_a_thousand_scenes_with_ties(blocks: None) -> None:
    for scene in tied_scenes(1000, strangers=True):
        mates, others, ranks = by_counting(scene)
        mated = np.isfinite(mates)
        for found in open_set(*scene, fars=(0.5, 0.01, 1.0)):
            detected = mates[mated][ranks[mated] == 1]
            candidates = [*np.unique(np.concatenate([detected, others[~mated]])), np.inf]
            threshold = next(t for t in candidates if np.mean(others[~mated] >= t) <= found.far_target)
            assert found.threshold == threshold
            assert found.dir == np.sum(detected >= threshold) / mated.sum()
            assert found.far_achieved == np.mean(others[~mated] >= threshold)
            assert (found.n_mated, found.n_non_mated) == (mated.sum(), np.sum(~mated))
            assert found.resolved == (found.far_target >= 1 / found.n_non_mated)
            assert found.interval == wilson(int(np.sum(detected >= threshold)), int(mated.sum()))


def faces(n_people: int, noise: float, seed: int = 0) -> Scene:
    """Three images of each person, one of them a probe, among as many distractors again; of any length."""
    generator = np.random.default_rng(seed)
    people = np.repeat(np.arange(n_people), 3)
    images = generator.normal(size=(n_people, 16))[people] + noise * generator.normal(size=(3 * n_people, 16))
    images *= generator.uniform(0.1, 10, (len(images), 1))
    distractors = generator.normal(size=(3 * n_people, 16))
    probe = np.arange(len(people)) % 3 == 0
    gallery = np.concatenate([images[~probe], distractors])
    labels = np.concatenate([people[~probe], np.full(len(distractors), NOBODY)])
    order = generator.permutation(len(labels))
    return images[probe], people[probe], gallery[order], labels[order]


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rates_equal_scikit_learns_neighbours(blocks: None, noise: float, dtype: type) -> None:
    probes, probe_labels, gallery, gallery_labels = faces(60, noise)
    search = NearestNeighbors(n_neighbors=20, metric="cosine", algorithm="brute").fit(gallery)
    hits = gallery_labels[search.kneighbors(probes, return_distance=False)] == probe_labels[:, None]
    found = rank_k(probes.astype(dtype), probe_labels, gallery.astype(dtype), gallery_labels, ranks=(1, 5, 20))
    for point in found:
        assert point.rate == hits[:, : point.rank].any(axis=1).mean()
        assert (point.n_probes, point.n_gallery) == (60, 300)
        assert point.interval == wilson(round(60 * point.rate), 60)


def test_by_hand() -> None:
    gallery = [[1, 0], [1, 1], [0, 1], [-1, 0]]  # of 0, a distractor, 1 and 0 again
    labels = [0, NOBODY, 1, 0]
    # (2, 0.1) is nearest to its mate; (0.9, 1) to the distractor, then to the mate (0, 1); (0, -3) has cosine 0 with
    # both its mates, and both others are further away.
    curve = cmc([[2, 0.1], [0.9, 1], [0, -3]], [0, 1, 0], gallery, labels)
    assert curve.rank_of_probe.tolist() == [1, 2, 1]
    assert curve.rates.tolist() == pytest.approx([2 / 3, 1, 1, 1])
    assert (curve.at(1).rate, curve.at(2).rate, curve.n_distractors) == (2 / 3, 1.0, 1)


def test_open_set_by_hand() -> None:
    # Strangers reach 0.8 and 0.6 at best; known people 0.96, 0.6 and, behind another entry, 0.8.
    gallery, labels = [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 1, 2]
    known = [[0.96, 0.28, 0], [0.6, 0.5, np.sqrt(0.39)], [0, 0.6, 0.8]]
    strangers = [[0.8, 0.6, 0], [0.6, 0.58, -0.55]]
    at_half, at_none = open_set([*known, *strangers], [0, 2, 1, NOBODY, 7], gallery, labels, fars=(0.5, 0.4))
    assert (at_half.dir, at_half.far_achieved, at_half.resolved) == (pytest.approx(2 / 3), 0.5, True)
    assert at_half.threshold == pytest.approx(np.sqrt(0.39), abs=1e-6)
    assert (at_none.dir, at_none.far_achieved, at_none.resolved) == (pytest.approx(1 / 3), 0.0, False)
    assert at_none.threshold == pytest.approx(0.96)


def test_a_collapsed_network_finds_nobody() -> None:
    scene = np.ones((3, 8)), np.arange(3), np.ones((9, 8)), np.repeat(np.arange(3), 3)
    assert cmc(*scene).rank_of_probe.tolist() == [7, 7, 7]
    (found,) = open_set(np.ones((4, 8)), [0, 1, 2, NOBODY], *scene[2:], fars=(1.0,))
    assert (found.dir, found.far_achieved) == (0.0, 1.0)


def test_the_same_photograph_among_the_distractors_comes_first_wherever_it_stands() -> None:
    for seed in range(20):
        generator = np.random.default_rng(seed)
        gallery = generator.normal(size=(500, 512)).astype(np.float32)
        gallery[generator.integers(1, 500)] = gallery[0]
        labels = np.full(500, NOBODY)
        labels[0] = 0
        probe = gallery[:1] + generator.normal(size=512)
        assert cmc(probe, [0], gallery, labels).rank_of_probe.tolist() == [2]


@given(st.floats(1e-200, 1e200), st.integers(0, 2**32 - 1))
def test_ranks_do_not_depend_on_norms_and_order(scale: float, seed: int) -> None:
    probes, probe_labels, gallery, gallery_labels = faces(8, noise=1.5, seed=seed)
    expected = cmc(probes, probe_labels, gallery, gallery_labels).rank_of_probe
    order = np.random.default_rng(seed).permutation(len(gallery))
    found = cmc(scale * probes, probe_labels, gallery[order] / scale, gallery_labels[order]).rank_of_probe
    assert np.array_equal(found, expected)


def test_a_larger_gallery_of_distractors_costs_ranks() -> None:
    probes, probe_labels, gallery, gallery_labels = faces(60, noise=2.0)
    few = gallery_labels != NOBODY
    alone, among = cmc(probes, probe_labels, gallery[few], gallery_labels[few]), cmc(*faces(60, noise=2.0))
    assert np.all(alone.rank_of_probe <= among.rank_of_probe) and alone.at(1).rate > among.at(1).rate


def test_memory_does_not_grow_with_the_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "BLOCK", 256)

    def peak(n_gallery: int) -> int:
        gallery = np.random.default_rng(0).random((n_gallery, 256), dtype=np.float32)
        tracemalloc.start()
        try:
            cmc(gallery[:50], np.arange(50), gallery, np.arange(n_gallery) % 100)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # Labels, their order, ranks and rates are numbers per entry; a copy of the embeddings would be 1,024 bytes each.
    assert peak(20_000) - peak(5_000) < 15_000 * 150


# Refusals


def changed(**parts: object) -> list[object]:
    scene = dict(zip(("probes", "probe_labels", "gallery", "gallery_labels"), faces(4, noise=0.5), strict=True))
    return list({**scene, **parts}.values())


BAD = {
    "empty gallery": ({"gallery": np.zeros((0, 16)), "gallery_labels": []}, ValueError, r"gallery must be \(N, D\)"),
    "no probes": ({"probes": np.zeros((0, 16)), "probe_labels": []}, ValueError, r"probes must be .* shape \(0, 16\)"),
    "one probe alone": ({"probes": np.ones(16)}, ValueError, r"probes must be \(N, D\) .* got shape \(16,\)"),
    "other dimensions": ({"probes": np.ones((4, 8))}, ValueError, "probes have 8 dimensions, the gallery 16"),
    "labels too few": ({"probe_labels": [0, 1]}, ValueError, r"probe_labels must be one .* got \(2,\) for 4"),
    "names": ({"probe_labels": ["a", "b", "c", "d"]}, TypeError, "probe_labels must hold integers, got <U1"),
    "labels below nobody": ({"gallery_labels": np.full(20, -2)}, ValueError, "gallery_labels hold -2"),
    "zero probe": ({"probes": np.arange(64.0).reshape(4, 16) // 16}, ValueError, r"probes\[0\] has norm 0"),
    "NaN": ({"probes": np.where(np.eye(4, 16) > 0, np.nan, 1)}, ValueError, r"probes\[0\] holds NaN or infinity"),
    "zero entry": ({"gallery": np.arange(20.0)[::-1, None] * np.ones(16)}, ValueError, r"gallery\[19\] has norm 0"),
}


@pytest.mark.parametrize("function", [cmc, rank_k, open_set])
@pytest.mark.parametrize(("parts", "error", "words"), BAD.values(), ids=BAD)
def test_bad_input_is_named(function: Callable, parts: dict, error: type[Exception], words: str, blocks: None) -> None:
    if function is open_set and "probe_labels" not in parts:
        parts = {**parts, "probe_labels": [0, 1, 2, 99]}
    if np.size(parts.get("probes", 1)) == 0:
        parts = {**parts, "probe_labels": np.zeros(0, dtype=int)}
    if np.size(parts.get("gallery", 1)) == 0:
        parts = {**parts, "gallery_labels": np.zeros(0, dtype=int)}
    with pytest.raises(error, match=words):
        function(*changed(**parts))


def test_probes_without_a_mate_are_counted_and_the_first_is_named() -> None:
    with pytest.raises(ValueError, match=r"2 of 4 probes have no mate .* first is probe 1 of identity 77; .* open_set"):
        cmc(*changed(probe_labels=[0, 77, 2, NOBODY]))


def test_the_open_set_needs_both_kinds_of_probes() -> None:
    with pytest.raises(ValueError, match="no probe without a mate in the gallery among 4"):
        open_set(*changed())
    with pytest.raises(ValueError, match="no probe with a mate in the gallery among 4"):
        open_set(*changed(probe_labels=[70, 71, 72, NOBODY]))
    with pytest.raises(ValueError, match=r"far must lie in \(0, 1\]"):
        open_set(*changed(probe_labels=[0, 1, 2, NOBODY]), fars=(0.1, 0))


@pytest.mark.parametrize("rank", [0, 21])
def test_a_rank_outside_the_gallery_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match=f"between 1 and the 20 gallery entries, got {rank}"):
        rank_k(*changed(), ranks=(1, rank))
