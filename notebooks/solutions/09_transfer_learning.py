"""Solutions to the exercises of notebooks/09_transfer_learning.ipynb, with the reasons."""

import numpy as np


def shares(momentum, n_batches):
    """Each batch takes (1 - momentum) times of everything before it, and adds itself with the share momentum.

    So what came n steps ago has been multiplied n times. The start has lived through all batches, the last batch through
    none, and the shares add up to one. At a momentum of 0.1 a start has lost half its share after seven batches.
    """
    faded = (1 - momentum) ** np.arange(n_batches, -1, -1.0)
    faded[1:] *= momentum
    return faded


def leaks(test, train, tolerance):
    """A new axis puts every picture of the test beside every one of train: (N, M, P) differences.

    The mean over the pixels gives N x M distances, and the smallest of each row is that of the nearest picture. "At most"
    means that a picture exactly as far as the tolerance counts as a leak, so it is <=.
    """
    return np.abs(test[:, None] - train).mean(axis=2).min(axis=1) <= tolerance
