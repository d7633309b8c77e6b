"""Solutions to the exercises of notebooks/06_center_loss_faces.ipynb, with the reasons."""

import numpy as np


def best_threshold(scores, same):
    """All candidates at once: a table with a row for each candidate and a column for each pair.

    A decision is right when "accepted" and "same person" agree, whichever of the two they are, so `==` counts both
    kinds. The candidates run from high to low, because argmax returns the first of several that are equally good.
    """
    ordered = np.sort(scores)[::-1]
    candidates = (ordered[1:] + ordered[:-1]) / 2
    right = ((scores >= candidates[:, None]) == same).sum(axis=1)
    return candidates[np.argmax(right)]


def paired_interval(a, b, t):
    """Subtract first: what made a run easy or hard for both losses is gone before any spread is computed.

    What is left is an ordinary interval of a mean. The standard error of the mean is the standard deviation of the
    differences, estimated with n - 1, over the root of their number; t says how many of them to go to each side.
    """
    difference = a - b
    margin = t * difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() - margin, difference.mean() + margin
