from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.data import ImageSet, normalise


def image_set(labels=(0, 1, 2, 1), n_names: int = 3) -> ImageSet:
    n = len(labels)
    images = torch.arange(n, dtype=torch.uint8).reshape(n, 1, 1, 1).expand(n, 1, 4, 6).clone()
    return ImageSet(images, torch.tensor(labels), tuple(f"person {i}" for i in range(n_names)), "a test")


def test_subset_keeps_labels_and_only_relabels():
    everyone = image_set()
    assert everyone.subset([3, 0]).labels.tolist() == [1, 0]
    two = everyone.only([2, 1])
    assert two.names == ("person 2", "person 1")
    assert two.labels.tolist() == [1, 0, 1] and two.images[:, 0, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "labels", [[0, 1, 1], (0, 1, 1), np.array([0, 1, 1]), np.array([0, 1, 1], np.uint16), np.array([1, 1, 0])[::-1]]
)
def test_labels_may_be_numbers_of_any_kind(labels):
    images = ImageSet(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), labels, ["a", "b"], "here")
    assert images.labels.dtype == torch.int64 and images.labels.tolist() == [0, 1, 1]


def test_labels_are_a_copy_of_an_array():
    given = np.array([0, 1, 1])
    images = ImageSet(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), given, ("a", "b"), "here")
    given[:] = 0
    assert images.labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("choice", "error", "message"),
    [
        (
            lambda images: images.subset(images.labels == 1),
            TypeError,
            r"torch.bool; expected integers\. Of a mask, give",
        ),
        (
            lambda images: images.subset(images.labels.numpy() == 1),
            TypeError,
            r"are bool; expected integers\. Of a mask",
        ),
        (lambda images: images.subset([0, 4]), ValueError, r"index 4 is out of range; expected 0\.\.3"),
        (lambda images: images.subset([-5]), ValueError, "index -5 is out of range"),
        (lambda images: images.subset([0.5]), TypeError, "indices are float64"),
        (lambda images: images.only([3]), ValueError, r"label 3 is out of range; expected 0\.\.2"),
        (lambda images: images.only([-1]), ValueError, "label -1 is out of range"),
        (lambda images: images.only([1, 1]), ValueError, r"identities \[1, 1\] name somebody twice"),
        (lambda images: images.only(["person 1"]), TypeError, "identities are <U8"),
    ],
)
def test_a_choice_that_nobody_can_mean_is_refused(choice, error, message):
    with pytest.raises(error, match=message):
        choice(image_set())


def test_the_last_images_can_be_counted_from_the_end():
    assert image_set().subset(np.array([-1, 0])).labels.tolist() == [1, 0]


def test_numbered_makes_each_image_its_own_class():
    images = ImageSet(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.tensor([1, 1, 0]), ("a", "b"), "here")
    numbered = images.numbered()
    assert numbered.labels.tolist() == [0, 1, 2] and numbered.names == ("0", "1", "2")
    assert numbered.images is images.images and numbered.source == "here"


def test_resized_and_described():
    assert image_set().resized(8, 3).images.shape == (4, 1, 8, 3)
    assert repr(image_set()) == "ImageSet(4 grey images of 4x6, 3 identities; a test)"


def test_a_size_of_nothing_is_refused():
    with pytest.raises(ValueError, match="the size is 0x3; expected a height and a width of at least 1 pixel"):
        image_set().resized(0, 3)


def test_normalise_is_the_papers():
    pixels = torch.tensor([0, 127, 255], dtype=torch.uint8)
    assert torch.equal(normalise(pixels), (torch.tensor([0.0, 127.0, 255.0]) - 127.5) / 128)
    assert pixels.tolist() == [0, 127, 255]
    with pytest.raises(TypeError, match="not been normalised yet"):
        normalise(torch.zeros(3))


@pytest.mark.parametrize(
    ("images", "labels", "error", "message"),
    [
        (torch.zeros(2, 3, 4, 4), torch.zeros(2).long(), TypeError, "torch.float32; expected uint8"),
        (torch.zeros(2, 4, 4, 4).byte(), torch.zeros(2).long(), ValueError, r"\(2, 4, 4, 4\); expected \(N, 1 or 3"),
        (torch.zeros(2, 4, 4).byte(), torch.zeros(2).long(), ValueError, r"shape \(2, 4, 4\)"),
        (torch.zeros(0, 3, 4, 4).byte(), torch.zeros(0).long(), ValueError, "no images"),
        (torch.zeros(2, 3, 4, 4).byte(), torch.zeros(2), TypeError, "labels are torch.float32"),
        (np.zeros((2, 3, 4, 4), np.uint8), torch.zeros(2).long(), TypeError, "images are a ndarray; expected a tensor"),
        (torch.zeros(2, 3, 4, 4).byte(), np.zeros(2), TypeError, "labels are float64; expected integers"),
        (
            torch.zeros(2, 3, 4, 4).byte(),
            ["Ann", "Bob"],
            TypeError,
            "labels are <U3; expected integers. Number the names",
        ),
        (torch.zeros(2, 3, 4, 4).byte(), [[0], [0, 1]], TypeError, "labels are no table of whole numbers"),
        (torch.zeros(2, 3, 4, 4).byte(), [True, False], TypeError, "labels are bool; expected integers"),
        (torch.zeros(2, 3, 4, 4).byte(), None, TypeError, "labels are object; expected integers"),
        (torch.zeros(2, 3, 4, 4).byte(), np.array([0, 2]), ValueError, "label 2 at index 1 is out of range"),
        (torch.zeros(2, 3, 4, 4).byte(), np.zeros((2, 1), int), ValueError, r"\(2, 1\); expected \(2,\)"),
        (torch.zeros(2, 3, 4, 4).byte(), torch.zeros(3).long(), ValueError, r"\(3,\); expected \(2,\)"),
        (
            torch.zeros(2, 3, 4, 4).byte(),
            torch.tensor([0, 2]),
            ValueError,
            "label 2 at index 1 is out of range; expected 0..1",
        ),
        (torch.zeros(2, 3, 4, 4).byte(), torch.tensor([-1, 0]), ValueError, "label -1 at index 0"),
    ],
)
def test_bad_contents_are_refused(images, labels, error, message):
    with pytest.raises(error, match=message):
        ImageSet(images, labels, ("a", "b"), "a test")
