"""Solutions to the exercises of notebooks/05_center_loss_digits.ipynb, with the reasons."""

import numpy as np


def intra_inter(features, labels):
    """One mean for each class, then distances to them and between them.

    Averaging within each class before averaging over classes lets a class of two images count as much as one of two
    hundred. For the pairs of classes, `first < second` visits each pair once and no class with itself, whose distance
    of 0 would make inter too small.
    """
    means, within, between = [], [], []
    for label in np.unique(labels):
        rows = features[labels == label]
        means.append(rows.mean(axis=0))
        within.append(np.linalg.norm(rows - means[-1], axis=1).mean())
    for second in range(len(means)):
        for first in range(second):
            between.append(np.linalg.norm(means[first] - means[second]))
    return np.mean(within) / np.mean(between)


def center_gradient(features, labels, centers):
    """The derivative of half a square is the thing itself: here the residual from the own center.

    `centers[labels]` looks the center of each feature up, so the difference has the shape of the features. Each feature
    occurs in one term of the sum alone, and the mean over the batch leaves the 1/N in front.
    """
    return (features - centers[labels]) / len(features)


def moved_centers(features, labels, centers, alpha):
    """Each class present sums the residuals of its features from its old center, and divides by one more than their number.

    The copy leaves the old centers as they were. A class without a feature is not visited, and keeps its center; the
    formula would say the same, since its sum is 0 and the one in the denominator keeps the division harmless.
    """
    moved = centers.copy()
    for label in np.unique(labels):
        residuals = features[labels == label] - centers[label]
        moved[label] += alpha * residuals.sum(axis=0) / (1 + len(residuals))
    return moved
