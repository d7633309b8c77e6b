"""Solutions to the exercises of notebooks/06_center_loss_faces.ipynb."""

import numpy as np


def best_threshold(scores, same):
    ordered = np.sort(scores)[::-1]
    candidates = (
        ordered[1:] + ordered[:-1]
    ) / 2  # from high to low, so that argmax takes the higher of two
    right = ((scores >= candidates[:, None]) == same).sum(axis=1)
    return candidates[np.argmax(right)]


def paired_interval(a, b, t):
    difference = a - b
    margin = t * difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() - margin, difference.mean() + margin
