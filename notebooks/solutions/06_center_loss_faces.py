"""Solutions to the exercises of notebooks/06_center_loss_faces.ipynb, and the mistakes that its checks explain."""

import numpy as np


def best_threshold(scores, same):
    ordered = np.sort(scores)[::-1]
    candidates = (ordered[1:] + ordered[:-1]) / 2  # from high to low, so that argmax takes the higher of two
    right = ((scores >= candidates[:, None]) == same).sum(axis=1)
    return candidates[np.argmax(right)]


def paired_interval(a, b, t):
    difference = a - b
    margin = t * difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() - margin, difference.mean() + margin


def lowest_threshold(scores, same):
    ordered = np.sort(scores)
    candidates = (ordered[1:] + ordered[:-1]) / 2
    return candidates[np.argmax([np.sum(scores[same] >= threshold) for threshold in candidates])]


def unpaired(a, b, t):
    margin = t * np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return a.mean() - b.mean() - margin, a.mean() - b.mean() + margin


def population(a, b, t):
    difference = a - b
    margin = t * difference.std() / np.sqrt(len(difference))
    return difference.mean() - margin, difference.mean() + margin


WRONG = {
    "best_threshold": {"accepted genuine pairs and rejected impostor pairs": lowest_threshold},
    "paired_interval": {"value 1 of 2": unpaired, "the sample standard deviation (ddof=1)": population},
}
