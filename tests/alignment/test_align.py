from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from course_lib.alignment import Face, NoFaceError, align, align_many, crop_with_margin, template, warp
from course_lib.alignment.align import each_or_error


class Fixed:
    """A detector that finds the given faces in every photograph that is not black."""

    def __init__(self, *faces: Face) -> None:
        self.faces = list(faces)

    def detect(self, image):
        return self.detect_many([image])[0]

    def detect_many(self, images):
        return [self.faces if image.any() else [] for image in images]


def face(left: float, top: float, scale: float = 1.0, score: float = 0.9) -> Face:
    """A face whose landmarks are the template's, scaled, at that place."""
    box = np.array([left, top, left + 112 * scale, top + 112 * scale])
    return Face(box, template() * scale + [left, top], score)


@pytest.fixture
def photograph() -> np.ndarray:
    rows, columns = np.mgrid[0:400, 0:500]
    return np.stack([rows % 256, columns % 256, (rows + columns) % 256], -1).astype(np.uint8)


def test_landmarks_come_to_the_template(photograph):
    crop = align(photograph, Fixed(face(100, 80, 1.5)))
    assert crop.image.shape == (112, 112, 3) and crop.image.dtype == np.uint8
    np.testing.assert_allclose(crop.matrix, [[1 / 1.5, 0, -100 / 1.5], [0, 1 / 1.5, -80 / 1.5]], atol=1e-9)
    np.testing.assert_allclose(crop.landmarks, template(), atol=1e-9)
    np.testing.assert_array_equal(crop.image, warp(photograph, crop.matrix, 112))


def test_a_crop_at_its_own_size_is_cut_out_as_it_is(photograph):
    crop = align(photograph, Fixed(face(100, 80)))
    np.testing.assert_array_equal(crop.image, photograph[80:192, 100:212])


def test_the_noise_of_a_large_face_is_averaged(photograph):
    """Four times as large and with the noise of a sensor: what one crop pixel shows is 36 pixels."""
    calm = photograph[:260, :280] // 2 + 64
    noise = np.random.default_rng(0).normal(0, 25, (1040, 1120, 1))
    noisy = np.clip(calm.repeat(4, 0).repeat(4, 1) + noise, 0, 255).astype(np.uint8)
    near = face(100, 80, 1.5)
    far = Face(near.box * 4 + 1.5, near.landmarks * 4 + 1.5, 0.9)
    expected = align(calm, Fixed(near)).image.astype(float)
    for crop in (align(noisy, Fixed(far)), align_many([noisy], Fixed(far))[0]):
        assert np.std(crop.image - expected) < 25 / 5
        np.testing.assert_allclose(crop.landmarks, template(), atol=1e-9)
    box_alone = crop_with_margin(calm, near, size=224, crop=200).astype(float)
    assert np.std(crop_with_margin(noisy, far, size=224, crop=200, margin=26) - box_alone) < 25 / 2.5


def test_portrait_crops_are_the_middle_of_square_ones(photograph):
    square, portrait = (align(photograph, Fixed(face(100, 80)), size=size) for size in (112, (112, 96)))
    np.testing.assert_array_equal(portrait.image, square.image[:, 8:104])


def test_a_margin_shows_the_face_smaller_in_the_middle(photograph):
    crop = align(photograph, Fixed(face(100, 80)), size=160, margin=24)
    np.testing.assert_allclose(crop.landmarks, template() + 24, atol=1e-9)
    np.testing.assert_array_equal(crop.image[24:-24, 24:-24], photograph[80:192, 100:212])
    with pytest.raises(ValueError, match="margin is 56; expected 0 to less than half"):
        align(photograph, Fixed(face(100, 80)), margin=56)


def test_the_face_is_chosen(photograph):
    large, central = face(0, 0, 1.5), face(190, 140)
    detector = Fixed(central, large)
    assert align(photograph, detector).face is large
    assert align(photograph, detector, choose="central").face is central
    assert align(photograph, detector).n_faces == 2
    with pytest.raises(ValueError, match="choose is 'first'; expected one of largest, central"):
        align(photograph, detector, choose="first")


def test_no_face_is_an_error_for_one_and_none_among_many(photograph):
    detector = Fixed(face(100, 80))
    black = np.zeros((60, 50, 3), np.uint8)
    with pytest.raises(
        NoFaceError, match=r"no face was found in 60x50 pixels.*upside down, turn the photograph upright"
    ):
        align(black, detector)
    first, second, third = align_many([photograph, black, photograph[:, ::2]], detector)
    assert second is None
    np.testing.assert_array_equal(first.image, align(photograph, detector).image)
    assert third.image.shape == (112, 112, 3)
    assert align_many([], detector) == []


def test_no_face_names_the_file(tmp_path):
    Image.new("RGB", (9, 8)).save(tmp_path / "empty.png")
    with pytest.raises(NoFaceError, match=r"empty\.png, 8x9 pixels"):
        align(tmp_path / "empty.png", Fixed(face(0, 0)))


# --- The box with a margin ---


def covers(photograph: np.ndarray, box: Face, **options) -> np.ndarray:
    """Left, top, right, bottom of the photograph's rectangle that the crop shows, read off a map of coordinates."""
    rows, columns = np.mgrid[0 : photograph.shape[0], 0 : photograph.shape[1]]
    shown = crop_with_margin(np.stack([columns, rows, rows], -1).astype(np.uint8), box, **options)
    return np.array([shown[0, 0, 0], shown[0, 0, 1], shown[-1, -1, 0], shown[-1, -1, 1]], float)


@pytest.fixture
def small() -> np.ndarray:
    return np.zeros((250, 250, 3), np.uint8)


def test_a_margin_in_the_output_is_a_share_of_every_face(small):
    for side in (40, 80):
        box = Face(np.array([100, 90, 100 + side, 90 + side]), template(), 1.0)
        grown = side * 250 / (250 - 26)  # facenet-pytorch: margin * side / (size - margin) more
        expected = np.array([100, 90, 100, 90]) + side / 2 + grown / 2 * np.array([-1, -1, 1, 1])
        assert np.abs(covers(small, box, size=250, crop=250) - expected).max() < 1.1


def test_a_margin_in_the_source_is_the_same_for_every_face(small):
    for side in (40, 80):
        box = Face(np.array([100, 90, 100 + side, 90 + side]), template(), 1.0)
        expected = np.array([100 - 13, 90 - 13, 100 + side + 13, 90 + side + 13])
        assert np.abs(covers(small, box, unit="source", size=250, crop=250) - expected).max() < 1.1


def test_the_two_units_differ_by_the_size_of_the_face(photograph):
    tiny = Face(np.array([200, 200, 230, 230]), template(), 1.0)
    shares = [
        (covers(np.zeros((250, 250, 3), np.uint8), tiny, unit=unit, crop=250)[[0, 2]] * [-1, 1]).sum()
        for unit in ("output", "source")
    ]
    assert shares[0] == pytest.approx(30 * 250 / 224, abs=1.5)
    assert shares[1] == pytest.approx(30 + 26, abs=1.5)


def test_the_square_is_cut_at_random_from_a_generator_else_from_the_middle(small):
    box = Face(np.array([50, 50, 200, 200]), template(), 1.0)
    whole = crop_with_margin(
        pattern := np.random.default_rng(0).integers(0, 255, (250, 250, 3)).astype(np.uint8), box, crop=250
    )
    middle = crop_with_margin(pattern, box)
    assert middle.shape == (224, 224, 3)
    assert np.abs(middle.astype(int) - whole[13:237, 13:237]).max() <= 2
    corners = set()
    for seed in range(40):
        cut = crop_with_margin(pattern, box, generator=np.random.default_rng(seed)).astype(int)
        x, y = np.random.default_rng(seed).integers(0, 27, size=2)
        assert np.abs(cut - whole[y : y + 224, x : x + 224]).max() <= 2
        corners.add((x, y))
    assert len(corners) > 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "percent"}, "unit is 'percent'"),
        ({"margin": 250}, "margin is 250"),
        ({"crop": 251}, "crop 251"),
        ({"face": Face(np.array([5.0, 5, 5, 9]), template(), 1.0)}, "box .* is empty"),
    ],
)
def test_a_bad_margin_crop_is_refused(small, options, message):
    options = {"face": Face(np.array([50.0, 50, 200, 200]), template(), 1.0), **options}
    with pytest.raises(ValueError, match=message):
        crop_with_margin(small, **options)


def test_what_fails_together_is_tried_alone():
    def halves(numbers: list[int]) -> list[float]:
        return [1 / number for number in numbers]

    assert each_or_error(halves, [1, 2]) == [1, 0.5] and each_or_error(halves, []) == []
    one, error, half = each_or_error(halves, [1, 0, 2])
    assert (one, half) == (1, 0.5) and isinstance(error, ZeroDivisionError)
