"""Wrong answers to the exercises of 06_center_loss_faces, each under the rule that it breaks."""

import numpy as np


def fewest_rejected_genuine(scores, same):
    ordered = np.sort(scores)
    candidates = (ordered[1:] + ordered[:-1]) / 2
    return candidates[np.argmax([np.sum(scores[same] >= threshold) for threshold in candidates])]


def lower_of_two(scores, same):
    ordered = np.sort(scores)
    candidates = (ordered[1:] + ordered[:-1]) / 2
    return candidates[np.argmax(((scores >= candidates[:, None]) == same).sum(axis=1))]


def unpaired(a, b, t):
    margin = t * np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return a.mean() - b.mean() - margin, a.mean() - b.mean() + margin


def population(a, b, t):
    difference = a - b
    margin = t * difference.std() / np.sqrt(len(difference))
    return difference.mean() - margin, difference.mean() + margin


MUTANTS = {
    "best_threshold": {
        "rejected impostor pairs count as well": fewest_rejected_genuine,
        "of equally good thresholds the higher": lower_of_two,
    },
    "paired_interval": {
        "the spread is that of the differences": unpaired,
        "the sample's standard deviation divides by n - 1": population,
    },
}
