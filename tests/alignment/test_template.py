from __future__ import annotations

import numpy as np
import pytest

from course_lib.alignment import mirror, template

# As published with ArcFace (112x112) and SphereFace (112 high, 96 wide).
SQUARE = [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
PORTRAIT_X = [30.2946, 65.5318, 48.0252, 33.5493, 62.7299]


def test_the_published_points():
    np.testing.assert_array_equal(template(), SQUARE)
    np.testing.assert_array_equal(template(112), template((112, 112)))
    portrait = template((112, 96))
    np.testing.assert_allclose(portrait[:, 0], PORTRAIT_X, atol=1e-12)
    np.testing.assert_array_equal(portrait[:, 1], np.array(SQUARE)[:, 1])


def test_other_sizes_are_scaled():
    np.testing.assert_allclose(template(224), template(112) * 2)
    np.testing.assert_allclose(template(96), template(112) * 96 / 112)
    np.testing.assert_allclose(template((56, 48)), template((112, 96)) / 2)


def test_sides_of_128_shift_the_face_by_8_of_128_columns():
    np.testing.assert_allclose(template(128), np.array(SQUARE) + [8, 0])
    np.testing.assert_allclose(template(256), 2 * (np.array(SQUARE) + [8, 0]))
    np.testing.assert_allclose(template(896), 8 * np.array(SQUARE))  # both divide it: 112 goes first


def test_mirroring_swaps_the_sides_and_is_its_own_inverse():
    mirrored = mirror(template(), 112)
    np.testing.assert_allclose(mirrored[0], (111 - 73.5318, 51.5014))
    np.testing.assert_allclose(mirrored[2], (111 - 56.0252, 71.7366))
    np.testing.assert_allclose(mirrored[3], (111 - 70.7299, 92.2041))
    np.testing.assert_allclose(mirror(mirrored, 112), template())
    assert np.abs(mirrored - template()).max() < 2, "a mirrored face stays near the template"
    batch = np.stack([template(), mirrored])
    np.testing.assert_array_equal(mirror(batch, 112)[1], mirror(mirrored, 112))


def test_mirrored_points_lie_on_mirrored_pixels():
    image = np.zeros((8, 10), int)
    points = np.array([(1, 2), (7, 2), (4, 4), (2, 6), (6, 6)])
    image[points[:, 1], points[:, 0]] = [1, 2, 3, 4, 5]
    found = mirror(points, 10).astype(int)
    assert image[:, ::-1][found[:, 1], found[:, 0]].tolist() == [2, 1, 3, 5, 4]


@pytest.mark.parametrize("size", [0, -112, (112, 0), (112, 96, 3), 112.0, "112"])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ValueError, match="expected the side of a square or"):
        template(size)


def test_other_shapes_have_no_template():
    with pytest.raises(ValueError, match="no template of 112x92 pixels; expected a square or 7:6"):
        template((112, 92))
    with pytest.raises(ValueError, match=r"shape \(4, 2\); expected \(..., 5, 2\)"):
        mirror(np.zeros((4, 2)), 112)


def test_a_margin_draws_the_face_smaller_in_the_middle():
    np.testing.assert_allclose(template(160, margin=24), template(112) + 24)
    with pytest.raises(ValueError, match="margin is -1"):
        template(112, margin=-1)
