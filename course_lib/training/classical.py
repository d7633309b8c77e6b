"""Face recognition before deep learning: eigenfaces and histograms of gradients, under a linear classifier.

They are trained on the same image sets and tested by the same protocols as networks: a ``Feature`` stands where a
backbone does, and what ``train_classifier`` gives where a head does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from course_lib.data import ImageSet

Feature = Callable[[ImageSet], np.ndarray]
"""An image set of N images -> float32 (N, D)."""

CELL, BLOCK, BINS = 8, 2, 9  # pixels a cell, cells a block (each way), directions between 0 and 180 degrees
LARGEST = 0.2  # share of a block's length that one number may have


def pixels(images: ImageSet) -> np.ndarray:
    """The pixels themselves, 0..255, row by row: float32 (N, C H W)."""
    return images.images.flatten(1).float().numpy()


def hog(images: ImageSet) -> np.ndarray:
    """Histograms of oriented gradients: float32 (N, D), D = 36 for each block of 16x16 pixels, one every 8 pixels.

    In each cell of 8x8 pixels every gradient votes, with its length, for its direction; light or dark side first is the
    same. Blocks of 2x2 cells are scaled to length one, cut at 0.2, and scaled again, so that light matters less. The
    votes are not shared among neighbouring bins, as scikit-image does it too. Colour is turned to grey first.

    Raises:
        ValueError: a side of the images is no multiple of 8, or less than 16.

    Source: Dalal and Triggs 2005, "Histograms of oriented gradients for human detection", CVPR, section 6.
    """
    height, width = images.images.shape[2:]
    if height % CELL or width % CELL or min(height, width) < BLOCK * CELL:
        raise ValueError(
            f"images are {height}x{width}; expected sides that are multiples of {CELL} and at least {BLOCK * CELL}: "
            "resize them, .resized(height, width)"
        )
    votes = _votes(images.images)  # (N, H, W, BINS)
    cells = votes.reshape(len(images), height // CELL, CELL, width // CELL, CELL, BINS).mean((2, 4))
    blocks = cells.unfold(1, BLOCK, 1).unfold(2, BLOCK, 1)  # (N, rows, columns, BINS, BLOCK, BLOCK)
    blocks = blocks.permute(0, 1, 2, 4, 5, 3).flatten(3)  # (N, rows, columns, BLOCK BLOCK BINS)
    blocks = normalize(normalize(blocks, dim=3).clamp(max=LARGEST), dim=3)
    return blocks.flatten(1).float().numpy()


def _votes(images: Tensor) -> Tensor:
    """The length of each pixel's gradient in the bin of its direction: uint8 (N, C, H, W) -> double (N, H, W, BINS)."""
    from torchvision.transforms.v2.functional import rgb_to_grayscale  # here, as it takes seconds to import

    grey = (images.double() if images.shape[1] == 1 else rgb_to_grayscale(images.double()))[:, 0]
    dy, dx = torch.zeros_like(grey), torch.zeros_like(grey)  # none along the rim
    dy[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    dx[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    degrees = torch.rad2deg(torch.atan2(dy, dx)) % 180
    bins = (degrees * BINS / 180).long().clamp(max=BINS - 1)
    return one_hot(bins, BINS) * torch.hypot(dy, dx)[..., None]


def eigenfaces(train: ImageSet, variance: float = 0.95) -> Feature:
    """The feature that projects on the directions in which the pixels of ``train`` vary most, each with variance 1.

    Args:
        train: the photographs whose mean and principal components are taken; of anybody.
        variance: the share of the pixels' variance that the components must hold together.

    Raises:
        ValueError: ``variance`` is not between 0 and 1, or there are fewer than two photographs.

    Source: Turk and Pentland 1991, "Eigenfaces for recognition", Journal of Cognitive Neuroscience 3.
    """
    if not 0 < variance < 1:
        raise ValueError(f"variance is {variance}; expected a share between 0 and 1, such as 0.95")
    if len(train) < 2:
        raise ValueError("one photograph does not vary; eigenfaces need at least two")
    components = PCA(variance, whiten=True, svd_solver="full").fit(pixels(train))
    return lambda images: components.transform(pixels(images)).astype(np.float32)


CLASSIFIERS: dict[str, Callable[[int], object]] = {
    "nearest photograph": lambda _: KNeighborsClassifier(1, metric="cosine"),
    "linear SVM": lambda seed: LinearSVC(random_state=seed, max_iter=5000),
    "logistic regression": lambda seed: LogisticRegression(random_state=seed, max_iter=1000),
}


def train_classifier(name: str, feature: Feature, train: ImageSet, *, seed: int = 0) -> Pipeline:
    """A fitted pipeline from features (N, D) to labels (N,): each number standardised over ``train``, then ``name``.

    Args:
        name: ``"nearest photograph"`` by cosine, ``"linear SVM"`` (one against all others) or
            ``"logistic regression"``, all with scikit-learn's defaults.

    Raises:
        ValueError: another name; or scikit-learn finds only one person in ``train``.
    """
    if name not in CLASSIFIERS:
        raise ValueError(f"classifier {name!r} is not known; expected one of {', '.join(CLASSIFIERS)}")
    return make_pipeline(StandardScaler(), CLASSIFIERS[name](seed)).fit(feature(train), train.labels.numpy())
