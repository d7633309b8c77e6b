"""Solutions to the exercises of notebooks/09_transfer_learning.ipynb."""

import numpy as np


def running_mean(start, batch_means, momentum):
    mean = start
    for batch_mean in batch_means:
        mean = (1 - momentum) * mean + momentum * batch_mean
    return mean


def leaks(test, train, tolerance):
    return np.abs(test[:, None] - train).mean(axis=2).min(axis=1) <= tolerance
