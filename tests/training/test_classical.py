from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.feature import hog as skimage_hog
from sklearn.metrics import accuracy_score

from course_lib.data import ImageSet, orl_faces, split_by_image
from course_lib.evaluation import cosine_scores
from course_lib.training.classical import CLASSIFIERS, eigenfaces, hog, pixels, train_classifier


def image_set(images: torch.Tensor, labels: list[int] | None = None) -> ImageSet:
    labels = torch.tensor(labels or [0] * len(images))
    return ImageSet(images.to(torch.uint8), labels, tuple(f"p{i}" for i in range(int(labels.max()) + 1)), "drawn")


@pytest.fixture(scope="module")
def faces() -> tuple[ImageSet, ImageSet]:
    """Eight people, five photographs each on either side."""
    return split_by_image(orl_faces().only(range(8)).resized(48, 40), 0.5, seed=0)


def test_pixels_are_pixels():
    images = image_set(torch.arange(24).reshape(2, 3, 2, 2))
    assert np.array_equal(pixels(images), np.arange(24).reshape(2, 12)) and pixels(images).dtype == np.float32


@pytest.mark.parametrize(("along", "bin"), [("width", 0), ("height", 4), ("both", 2)])
def test_hog_of_a_ramp_by_hand(along, bin):
    """Bins are 20 degrees wide: 0 degrees is in the first, 90 in the fifth, 45 in the third. But along the rim all
    gradients are alike, so the four cells of the block in the middle share its length."""
    ramp = torch.arange(32).expand(32, 32) * 3
    image = {"width": ramp, "height": ramp.T, "both": ramp + ramp.T}[along]
    middle = hog(image_set(image[None, None])).reshape(3, 3, 4, 9)[1, 1]
    assert np.allclose(middle[:, bin], 0.5) and np.allclose(np.delete(middle, bin, axis=1), 0)


def test_hog_cuts_what_outweighs_the_rest():
    """One cell has all votes, in two directions: each 0.707 of the length, cut to 0.2, and scaled back to 0.707."""
    image = torch.full((16, 16), 100)
    image[2, 2] = 200
    (found,) = hog(image_set(image[None, None]))
    assert np.allclose(found.reshape(4, 9)[0, [0, 4]], np.sqrt(0.5)) and np.count_nonzero(found) == 2


def test_hog_of_nothing_is_nothing():
    assert not hog(image_set(torch.full((1, 1, 16, 16), 7))).any()


def test_hog_is_that_of_another_implementation(faces):
    theirs = [skimage_hog(face.numpy(), 9, (8, 8), (2, 2), "L2-Hys") for face in faces[0].images[:, 0]]
    ours = hog(faces[0])
    assert ours.shape == (40, 5 * 4 * 36) and ours.dtype == np.float32
    assert np.allclose(ours, theirs, atol=1e-5)


def test_hog_of_colour_is_that_of_grey(faces):
    grey = faces[0].subset([0, 7])
    colour = ImageSet(grey.images.expand(-1, 3, -1, -1), grey.labels, grey.names, grey.source)
    assert np.allclose(hog(colour), hog(grey), atol=1e-5)


@pytest.mark.parametrize("size", [(48, 46), (12, 48), (8, 8)])
def test_hog_refuses_other_sizes(faces, size):
    with pytest.raises(ValueError, match=rf"images are {size[0]}x{size[1]}; expected sides that are multiples of 8"):
        hog(faces[0].resized(*size))


def test_eigenfaces_by_hand():
    """Three photographs vary along one direction of pixel space: one number each, with mean 0 and variance 1."""
    along = torch.tensor([[3, 0, 4, 0]])
    images = image_set((100 + torch.tensor([[-5], [0], [5]]) * along).reshape(3, 1, 2, 2))
    found = eigenfaces(images)(images)
    assert found.shape == (3, 1) and found.dtype == np.float32
    assert np.allclose(np.abs(found.ravel()), [1, 0, 1], atol=1e-5) and found[0] * found[2] < 0


def test_eigenfaces_are_the_singular_vectors(faces):
    train, test = faces
    mean = pixels(train).mean(0)
    _, scales, directions = np.linalg.svd(pixels(train) - mean, full_matrices=False)
    n = 1 + int(np.searchsorted(np.cumsum(scales**2) / (scales**2).sum(), 0.9))
    expected = (pixels(test) - mean) @ directions[:n].T / scales[:n] * np.sqrt(len(train) - 1)
    found = eigenfaces(train, 0.9)(test)
    assert found.shape == (len(test), n) and np.allclose(np.abs(found), np.abs(expected), atol=2e-3)


@pytest.mark.parametrize("variance", [0, 1, 12, -0.1, float("nan")])
def test_eigenfaces_want_a_share(faces, variance):
    with pytest.raises(ValueError, match="expected a share between 0 and 1"):
        eigenfaces(faces[0], variance)


def test_eigenfaces_of_one_photograph():
    with pytest.raises(ValueError, match="at least two"):
        eigenfaces(image_set(torch.zeros(1, 1, 4, 4)))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_names_known_people(faces, name):
    train, test = faces
    for feature in (hog, eigenfaces(train)):
        classifier = train_classifier(name, feature, train)
        assert accuracy_score(test.labels.numpy(), classifier.predict(feature(test))) > 0.8


def test_the_nearest_photograph_is_that_of_the_largest_cosine(faces):
    train, test = faces
    classifier = train_classifier("nearest photograph", hog, train)
    standardised = (np.concatenate([hog(test), hog(train)]) - hog(train).mean(0)) / hog(train).std(0)
    probe, gallery = np.meshgrid(np.arange(len(test)), len(test) + np.arange(len(train)), indexing="ij")
    scores = cosine_scores(standardised, probe.ravel(), gallery.ravel()).reshape(probe.shape)
    assert np.array_equal(classifier.predict(hog(test)), train.labels.numpy()[scores.argmax(1)])


def test_an_unknown_classifier(faces):
    with pytest.raises(ValueError, match="classifier 'SVM' is not known; expected one of nearest photograph, linear"):
        train_classifier("SVM", hog, faces[0])
