from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from course_lib.gallery import Index, matching, unit_length


def drawn(seed: int, count: int, size: int = 6) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).standard_normal((count, size)))


def by_hand(index_names, names, owners, templates, faces, other_than=None):
    """Person by person, template by template."""
    found = []
    for row, face in enumerate(faces):
        best = {}
        for person, name in enumerate(names):
            if other_than is None or index_names[other_than[row]] != name:
                best[name] = max(float(face @ t) for owner, t in zip(owners, templates, strict=True) if owner == person)
        falling = sorted(best.items(), key=lambda item: -item[1])
        found.append((*falling[0], falling[1][1] if len(falling) > 1 else -np.inf))
    return found


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(0, 9), st.integers(0, 2**16))
def test_the_nearest_person_is_the_owner_of_the_most_similar_template(counts, n_faces, seed):
    owners = np.random.default_rng(seed).permutation(np.arange(len(counts)).repeat(counts))
    names = [f"p{number}" for number in range(len(counts))]
    templates, faces = drawn(seed, len(owners)), drawn(seed + 1, n_faces) if n_faces else np.empty((0, 6), np.float32)
    index = Index(names, owners, templates)
    found = index.nearest(faces)
    expected = by_hand(index.names, names, owners, templates, faces)
    assert [index.names[person] for person in found.person] == [name for name, _, _ in expected]
    np.testing.assert_allclose(found.score, [score for _, score, _ in expected], atol=1e-6)
    np.testing.assert_allclose(found.runner_up, [second for _, _, second in expected], atol=1e-6)
    assert len(index) == len(counts) and index.n_templates == len(owners)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=6), st.integers(0, 2**16))
def test_everyone_but_the_owner_is_searched_for_a_template_of_the_gallery(counts, seed):
    owners = np.arange(len(counts)).repeat(counts)
    names, templates = [f"p{number}" for number in range(len(counts))], drawn(seed, len(owners))
    index = Index(names, owners, templates)
    rows, whose = index.own()
    pairs = lambda faces, people: sorted((person, *face.tolist()) for face, person in zip(faces, people, strict=True))  # noqa: E731
    assert pairs(rows, [index.names[person] for person in whose]) == pairs(templates, [names[o] for o in owners])
    found = index.nearest(rows, other_than=whose)
    expected = by_hand(index.names, names, owners, templates, rows, other_than=whose)
    assert [index.names[person] for person in found.person] == [name for name, _, _ in expected]
    np.testing.assert_allclose(found.score, [score for _, score, _ in expected], atol=1e-6)


def test_people_with_as_many_templates_keep_their_order():
    names = [f"p{number}" for number in range(500)]
    assert Index(names, np.arange(500), drawn(0, 500)).names == tuple(names)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0, 1.001, 0.999, 5148])
def test_templates_of_another_length_are_refused(wrong):
    """One of NaN would make everybody a stranger, and a long one would be everybody."""
    templates = drawn(0, 4)
    templates[2] *= np.float32(wrong)
    with pytest.raises(ValueError, match="template 2, of 'Grace', is not finite, or not of length one"):
        Index(["Ada", "Grace"], np.array([0, 0, 1, 1]), templates)


def test_it_agrees_with_scikit_learn_and_in_portions(monkeypatch):
    templates, faces = drawn(0, 300, 32), drawn(1, 50, 32)
    distances, neighbors = (
        NearestNeighbors(n_neighbors=2, metric="cosine", algorithm="brute").fit(templates).kneighbors(faces)
    )
    for at_once in (matching.SCORES_AT_ONCE, 700):  # two faces at a time
        monkeypatch.setattr(matching, "SCORES_AT_ONCE", at_once)
        found = Index([str(i) for i in range(300)], np.arange(300), templates).nearest(faces)
        np.testing.assert_array_equal(found.person, neighbors[:, 0])
        np.testing.assert_allclose(np.stack([found.score, found.runner_up], 1), 1 - distances, atol=1e-5)


def test_of_two_people_with_one_face_the_margin_is_nothing():
    templates = unit_length([[1, 0], [0, 1], [1, 0]])
    found = Index(["a", "b", "c"], np.arange(3), templates).nearest(unit_length([[2, 0]]))
    assert found.score[0] == found.runner_up[0] == 1 and found.person[0] in (0, 2)


@pytest.mark.parametrize(
    ("names", "owners", "words"),
    [
        ([], [], "0 templates of 0 owners and 0 names"),
        (["a"], [], "0 templates of 0 owners and 1 names"),
        (["a", "b"], [0, 2], "2 templates of 2 owners and 2 names"),
        (["a", "b"], [0, -1], "do not match"),
        (["a", "b"], [0, 0], "'b' has no template"),
    ],
)
def test_what_does_not_fit_together_is_refused(names, owners, words):
    with pytest.raises(ValueError, match=words):
        Index(names, np.array(owners, np.int64), np.ones((len(owners), 2), np.float32))


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_the_length_is_one_whatever_it_was(scale):
    rows = unit_length(np.array([[3.0, 4.0], [-1.0, 0.0]]) * scale)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[0.6, 0.8], [-1, 0]], rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([[1.0, 0], [0, 0]], "embedding 1 has length 0.0"),
        ([[1.0, 0], [2, 0], [np.nan, 0]], "embedding 2 has length nan"),
        ([[np.inf, 1.0]], "embedding 0 has length inf"),
        ([1.0, 2.0], r"shape \(2,\)"),
        (np.empty((0, 4)), r"shape \(0, 4\)"),
    ],
)
def test_what_has_no_direction_is_refused(rows, words):
    with pytest.raises(ValueError, match=words):
        unit_length(rows)
