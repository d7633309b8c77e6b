from __future__ import annotations

import numpy as np
import pytest

from course_lib.alignment import perturb, template


def test_every_landmark_moves_by_the_distance_in_the_crop_whatever_the_size_of_the_face():
    for scale in (0.5, 1.0, 3.0):
        faces = np.stack([template() * scale + 40] * 200)
        moved = perturb(faces, 4.0, np.random.default_rng(0))
        np.testing.assert_allclose(np.linalg.norm(moved - faces, axis=-1), 4.0 * scale, rtol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(perturb(template(), 4.0, np.random.default_rng(0), size=224) - template(), axis=-1), 2.0
    )


def test_directions_are_even_and_independent():
    faces = np.stack([template()] * 4000)
    steps = perturb(faces, 1.0, np.random.default_rng(0)) - faces
    assert np.abs(steps.mean(0)).max() < 0.06
    assert np.abs(np.corrcoef(steps.reshape(4000, 10).T) - np.eye(10)).max() < 0.08


def test_the_generator_decides():
    first, again, other = (perturb(template(), 2.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(perturb(template(), 0.0, np.random.default_rng(1)), template())
    with pytest.raises(ValueError, match="distance is -1"):
        perturb(template(), -1, np.random.default_rng(0))
