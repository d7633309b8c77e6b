from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import AffineTransform, SimilarityTransform

from course_lib.alignment import affine, similarity, template

EYES_AND_NOSE = [0, 1, 2]


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]


def made(scale: float, angle: float, x: float, y: float) -> np.ndarray:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, x], [sine, cosine, y]])


# --- Against an independent implementation ---


@pytest.mark.slow
def test_ten_thousand_cases_agree_with_scikit_image():
    generator = np.random.default_rng(0)
    scale = np.exp(generator.normal(size=(10_000, 1, 1)))
    source = scale * generator.normal(size=(10_000, 5, 2)) * 30 + generator.normal(size=(10_000, 1, 2)) * 200
    target = template() + generator.normal(size=(10_000, 5, 2)) * 3
    theirs = np.stack([SimilarityTransform.from_estimate(a, b).params[:2] for a, b in zip(source, target, strict=True)])
    np.testing.assert_allclose(similarity(source, target), theirs, rtol=1e-6, atol=1e-6)


def test_collinear_points_agree_with_scikit_image():
    generator = np.random.default_rng(1)
    along = generator.normal(size=(500, 5, 1))
    source = along * generator.normal(size=(500, 1, 2)) + generator.normal(size=(500, 1, 2))
    target = template() + generator.normal(size=(500, 5, 2))
    theirs = np.stack([SimilarityTransform.from_estimate(a, b).params[:2] for a, b in zip(source, target, strict=True)])
    np.testing.assert_allclose(similarity(source, target), theirs, rtol=1e-6, atol=1e-6)


def umeyama(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Equations 40 to 43 of the paper to the letter."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    covariance = (target - target_mean).T @ (source - source_mean) / len(source)
    u, d, vt = np.linalg.svd(covariance)
    s = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ s @ vt
    scale = np.trace(np.diag(d) @ s) / np.square(source - source_mean).sum(1).mean()
    return np.column_stack([scale * rotation, target_mean - scale * rotation @ source_mean])


def test_it_is_umeyamas_solution_also_where_a_reflection_would_fit_better():
    generator = np.random.default_rng(2)
    for _ in range(200):
        source = generator.normal(size=(5, 2)) * 20
        target = source * [-1, 1] + generator.normal(size=(5, 2))
        np.testing.assert_allclose(similarity(source, target), umeyama(source, target), rtol=1e-6, atol=1e-6)


def test_the_affine_map_agrees_with_scikit_image():
    generator = np.random.default_rng(3)
    source, target = generator.normal(size=(2, 200, 3, 2)) * 40
    theirs = np.stack([AffineTransform.from_estimate(a, b).params[:2] for a, b in zip(source, target, strict=True)])
    np.testing.assert_allclose(affine(source, target), theirs, rtol=1e-4, atol=1e-4)


# --- By hand ---


def test_a_quarter_turn_twice_as_large():
    source = np.array([(0, 0), (1, 0), (0, 1)])
    target = np.array([(10, 20), (10, 22), (8, 20)])
    np.testing.assert_allclose(similarity(source, target), [[0, -2, 10], [2, 0, 20]], atol=1e-12)


def test_two_points_are_enough_for_a_similarity():
    np.testing.assert_allclose(
        similarity(np.array([(0, 0), (2, 0)]), np.array([(5, 5), (5, 6)])), [[0, -0.5, 5], [0.5, 0, 5]], atol=1e-12
    )


# --- Laws ---

number = st.floats(-500, 500)
points = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(size=(5, 2)) * 50)


@given(points, st.floats(0.05, 20), st.floats(-np.pi, np.pi), number, number)
def test_any_scale_rotation_and_shift_is_recovered(source, scale, angle, x, y):
    matrix = made(scale, angle, x, y)
    np.testing.assert_allclose(similarity(source, moved(source, matrix)), matrix, rtol=1e-9, atol=1e-8)


@given(points, points)
def test_it_never_shears_or_mirrors(source, target):
    (p, minus_q, _), (q, p_again, _) = similarity(source, target)
    assert p == p_again and q == -minus_q
    assert p * p_again - q * minus_q > 0


@given(points, points, st.floats(0.9, 1.1), st.floats(-0.2, 0.2), st.floats(-5, 5), st.floats(-5, 5))
def test_no_other_similarity_is_closer(source, target, scale, angle, x, y):
    best = similarity(source, target)
    other = made(scale, angle, 0, 0)[:, :2] @ best + [[0, 0, x], [0, 0, y]]
    error, other_error = (np.square(moved(source, matrix) - target).sum() for matrix in (best, other))
    assert error <= other_error * (1 + 1e-9)


@given(points, points)
def test_the_affine_map_meets_three_points_exactly_and_the_similarity_lies_nearer_to_a_rigid_one(source, target):
    matrix = affine(source[EYES_AND_NOSE], target[EYES_AND_NOSE])
    np.testing.assert_allclose(moved(source[EYES_AND_NOSE], matrix), target[EYES_AND_NOSE], rtol=1e-5, atol=1e-5)


def test_a_batch_is_its_cases():
    generator = np.random.default_rng(4)
    source, target = generator.normal(size=(2, 6, 5, 2))
    one_by_one = [similarity(a, b) for a, b in zip(source, target, strict=True)]
    np.testing.assert_allclose(similarity(source, target), one_by_one)
    np.testing.assert_allclose(similarity(source, target[0])[3], similarity(source[3], target[0]))
    np.testing.assert_allclose(similarity(source.reshape(2, 3, 5, 2), target.reshape(2, 3, 5, 2))[1, 2], one_by_one[5])
    assert similarity(source.astype(np.float32), target).dtype == np.float64
    assert similarity(np.empty((0, 5, 2)), template()).shape == (0, 2, 3)


@pytest.mark.parametrize("transform", [similarity, affine])
def test_all_is_computed_in_double_precision_whatever_is_given(transform):
    """Far from the origin, single precision would move the face by a tenth of a pixel."""
    generator = np.random.default_rng(6)
    source, target = (generator.normal(size=(3, 2)) * 20 + 100_000 for _ in range(2))
    single = [points.astype(np.float32) for points in (source, target)]
    exact = transform(*(points.astype(np.float64) for points in single))
    for both in ((single[0], single[1].astype(np.float64)), (single[0].astype(np.float64), single[1]), single):
        np.testing.assert_array_equal(transform(*both), exact)
    pairs = [(0, 0), (2, 0), (0, 1)], [(1, 1), (1, 3), (0, 1)]
    np.testing.assert_allclose(transform(*pairs), [[0, -1, 1], [1, 0, 1]], atol=1e-12)


# --- What determines nothing ---


def broken(index: int, value: object) -> np.ndarray:
    sets = np.random.default_rng(5).normal(size=(4, 5, 2))
    sets[index] = value
    return sets


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((5, 2)), "the points of 1 determine no transform: all in one place"),  # that is, at the origin
        (np.full((5, 2), 7.0), "the points of 1 determine no transform: all in one place, .*Leave the face out"),
        (broken(2, 0.1), "set 2 of 4 determine no transform: all in one place"),
        (broken(1, np.nan), "set 1 of 4 determine no transform: not all finite"),
        (broken(3, np.inf), "set 3 of 4 determine no transform: not all finite"),
        (np.zeros((5, 3)), r"shape \(5, 3\); expected \(..., K, 2\)"),
        (np.zeros((4, 2)), "4 points cannot be brought to 5"),
        (np.zeros(2), r"shape \(2,\)"),
    ],
)
def test_points_that_determine_nothing_are_refused(source, message):
    with pytest.raises(ValueError, match=message):
        similarity(source, template())


@pytest.mark.parametrize(
    ("place", "said"), [((), "the points of 1"), ((2,), "set 2 of 3"), ((1, 2), r"set \(1, 2\) of 6")]
)
def test_the_first_set_that_is_wrong_is_named_by_its_place(place, said):
    sets = np.random.default_rng(5).normal(size=(*{0: (), 1: (3,), 2: (2, 3)}[len(place)], 5, 2))
    sets[place] = 0.5
    with pytest.raises(ValueError, match=rf"^{said} determine no transform: all in one place, \[\[0\.5, 0\.5\]"):
        similarity(sets, template())


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_what_counts_as_one_line_does_not_depend_on_the_unit(scale):
    bent, straight = (np.array([(0, 0), (1, 1), (2, 2 + high)]) * scale for high in (1e-3, 1e-10))
    np.testing.assert_allclose(
        moved(bent, affine(bent, template()[EYES_AND_NOSE])), template()[EYES_AND_NOSE], atol=1e-3
    )
    with pytest.raises(ValueError, match="on one line"):
        affine(straight, template()[EYES_AND_NOSE])


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_what_counts_as_one_place_depends_on_how_far_away_it_is(size):
    """Rounding at a distance of a billion sizes decides the angle; at a thousandth of that it does not."""
    shape = np.array([(0, 0), (1, 0), (0, 1)]) * size
    near, far = shape + size * 1e6, shape + size * 1e10
    np.testing.assert_allclose(similarity(near, near), [[1, 0, 0], [0, 1, 0]], atol=size * 1e-2 + 1e-6)
    for pair in ((far, shape), (shape, far)):
        with pytest.raises(ValueError, match="all in one place"):
            similarity(*pair)


def test_a_mirrored_square_has_no_nearest_angle():
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    with pytest.raises(ValueError, match="as far from the target at every angle"):
        similarity(square, square[[0, 3, 2, 1]])
    with pytest.raises(ValueError, match="all in one place"):
        similarity(template(), np.full((5, 2), 3.0))
    with pytest.raises(ValueError, match="all in one place"):
        similarity(template(), np.zeros((5, 2)))
    with pytest.raises(ValueError, match="expected at least two"):
        similarity(np.zeros((1, 2)), np.zeros((1, 2)))


def test_the_affine_map_needs_three_points_off_one_line():
    with pytest.raises(ValueError, match="expected exactly three"):
        affine(template(), template())
    for line in (np.array([(0, 0), (1, 1), (2, 2)]), np.zeros((3, 2)), np.full((3, 2), 7.0)):
        with pytest.raises(ValueError, match="on one line"):
            affine(line, template()[EYES_AND_NOSE])
