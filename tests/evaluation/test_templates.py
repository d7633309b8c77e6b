"""Template pooling: worked by hand, and against the loop over templates and media that is usually written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.evaluation import cosine_scores, pool_templates
from course_lib.evaluation.templates import AT_ONCE


def test_worked_by_hand() -> None:
    embeddings = [
        [3.0, 0.0],  # template 7, photograph 1
        [0.0, 2.0],  # template 7, video 2, two frames: their mean is (0, 4)
        [0.0, 6.0],
        [0.0, 5.0],  # template 4, photograph 1: the same medium in another template
    ]
    templates = pool_templates(embeddings, [7, 7, 7, 4], [1, 2, 2, 1])
    assert templates.ids.tolist() == [4, 7]
    np.testing.assert_allclose(templates.embeddings, [[0, 1], [0.6, 0.8]])  # (3, 4) / 5
    weighted = pool_templates(embeddings, [7, 7, 7, 4], [1, 2, 2, 1], [1.0, 1.0, 0.0, 0.5])  # the video's mean: (0, 1)
    np.testing.assert_allclose(weighted.embeddings[1], np.array([3, 1]) / np.sqrt(10))
    np.testing.assert_allclose(templates.scores([7, 4], [4, 4]), [0.8, 1.0])


@pytest.mark.parametrize(
    ("given", "kept"),
    [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)],
)
def test_templates_are_floats_of_at_least_32_bits(given: type, kept: type) -> None:
    pooled = pool_templates(np.array([[3, 0], [0, 4]], given), [1, 1], [1, 2])
    assert pooled.embeddings.dtype == kept and pooled.scores([1], [1]).dtype == kept
    np.testing.assert_allclose(pooled.embeddings, [[0.6, 0.8]], rtol=1e-6)


def loop(embeddings: np.ndarray, templates: np.ndarray, media: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Template by template and medium by medium."""
    pooled = []
    for template in np.unique(templates):
        inside = templates == template
        total = np.zeros(embeddings.shape[1])
        for medium in np.unique(media[inside]):
            frames = inside & (media == medium)
            total += np.mean(embeddings[frames] * weights[frames, None], axis=0)
        pooled.append(total / np.linalg.norm(total))
    return np.stack(pooled)


@given(st.integers(0, 2**31), st.integers(1, 60))
def test_equals_the_usual_loop(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    embeddings = generator.normal(size=(n, 5)) + 1
    templates, media = generator.integers(0, 9, (2, n))
    weights = generator.random(n) + 0.1
    pooled = pool_templates(embeddings, templates, media, weights)
    np.testing.assert_allclose(pooled.embeddings, loop(embeddings, templates, media, weights), rtol=1e-9, atol=1e-12)
    order = generator.permutation(n)
    again = pool_templates(embeddings[order], templates[order], media[order], 3 * weights[order])
    np.testing.assert_allclose(again.embeddings, pooled.embeddings, rtol=1e-9, atol=1e-12)


def test_a_video_is_a_template_as_in_youtube_faces() -> None:
    frames = np.random.default_rng(0).normal(size=(300, 16)) + np.repeat(np.eye(3, 16) * 4, 100, axis=0)
    videos = np.repeat(["ann_0", "bob_0", "bob_1"], 100)
    templates = pool_templates(frames, videos, videos)
    means = np.stack([frames[videos == name].mean(axis=0) for name in templates.ids])
    np.testing.assert_allclose(templates.embeddings, means / np.linalg.norm(means, axis=1, keepdims=True))
    noise = 1 - templates.scores(["ann_0"], ["bob_0"])[0]
    assert noise > 0.8, "different people stay different"


def test_a_long_video_does_not_outvote_a_photograph() -> None:
    embeddings = np.array([[1.0, 0.0]] + [[0.0, 1.0]] * 99)
    media = np.array([0] + [1] * 99)
    np.testing.assert_allclose(pool_templates(embeddings, np.zeros(100), media).embeddings, [[0.5**0.5, 0.5**0.5]])


def test_scores_are_cosines_however_many_there_are() -> None:
    generator = np.random.default_rng(1)
    templates = pool_templates(generator.normal(size=(50, 8)).astype(np.float32), np.arange(50) * 3, np.arange(50))
    assert templates.embeddings.dtype == np.float32
    left, right = generator.integers(0, 50, (2, 2 * AT_ONCE + 5))
    scores = templates.scores(3 * left, 3 * right)
    np.testing.assert_allclose(scores, cosine_scores(templates.embeddings, left, right), atol=1e-6)


BAD = {
    "shape": (dict(embeddings=np.ones(3)), r"\(N, D\).*\(3,\)"),
    "none": (dict(embeddings=np.ones((0, 2)), template_ids=[], media_ids=[]), "at least 1"),
    "templates": (dict(template_ids=[1, 2]), r"template_ids must be one for each of the 3 embeddings.*\(2,\)"),
    "media": (dict(media_ids=[[1, 2, 3]]), "media_ids"),
    "weights": (dict(weights=[1.0]), "weights"),
    "a negative weight": (dict(weights=[1, -0.5, 1]), r"weights\[1\] is -0.5; expected finite"),
    "a weight that is none": (dict(weights=[1, 1, np.nan]), r"weights\[2\] is nan"),
    "NaN": (dict(embeddings=[[1, 2], [3, np.nan], [1, 1]]), r"embeddings\[1\], of template 5, is not finite"),
    "infinity": (dict(embeddings=[[1, 2], [3, 2], [np.inf, 1]]), r"embeddings\[2\], of template 6"),
    "zero": (dict(embeddings=[[1, 2], [-1, -2], [1, 1]]), "embeddings of template 5 add up to zero"),
    "no weight": (dict(weights=[1, 1, 0]), "template 6 add up to zero"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name: str) -> None:
    changed, message = BAD[name]
    good = dict(embeddings=[[1.0, 2.0], [2.0, 1.0], [3.0, 3.0]], template_ids=[5, 5, 6], media_ids=[1, 2, 1])
    with pytest.raises(ValueError, match=message):
        pool_templates(**{**good, **changed})


def test_an_unknown_template_is_named() -> None:
    templates = pool_templates(np.eye(3), [5, 6, 8], [1, 2, 3])
    with pytest.raises(ValueError, match=r"There is no template 7 \(1 of the 2 ids have none\)"):
        templates.scores([5, 7], [5, 5])
    with pytest.raises(ValueError, match="There is no template 9"):
        templates.rows([9])
    with pytest.raises(ValueError, match="same length, got 2 and 1"):
        templates.scores([5, 6], [5])
