"""Wrong answers to the exercises of 05_center_loss_digits, each under the rule that it breaks."""

import numpy as np


def distances_within(features, labels):
    """For each class the distances of its features from their mean; and the class means."""
    groups = [features[labels == label] for label in np.unique(labels)]
    means = np.array([rows.mean(axis=0) for rows in groups])
    return [np.linalg.norm(rows - mean, axis=1) for rows, mean in zip(groups, means, strict=True)], means


def distances_between(means):
    """Distances of all class means from all, (C, C)."""
    return np.linalg.norm(means[:, None] - means, axis=2)


def ratio(features, labels, intra=None, inter=None):
    """The right ratio, with intra or inter computed by another rule."""
    within, means = distances_within(features, labels)
    between = distances_between(means)
    right_intra = np.mean([row.mean() for row in within])
    right_inter = between[np.triu_indices(len(means), 1)].mean()
    return (intra(within) if intra else right_intra) / (inter(between) if inter else right_inter)


def to_the_overall_mean(features, labels):
    distances = np.linalg.norm(features - features.mean(axis=0), axis=1)
    intra = np.mean([distances[labels == label].mean() for label in np.unique(labels)])
    return (
        intra
        / distances_between(distances_within(features, labels)[1])[np.triu_indices(len(np.unique(labels)), 1)].mean()
    )


def squared(features, labels):
    within, means = distances_within(features, labels)
    pairs = distances_between(means)[np.triu_indices(len(means), 1)]
    return np.mean([np.mean(row**2) for row in within]) / np.mean(pairs**2)


def moved(x, y, c, alpha, step=lambda alpha, n: alpha / (1 + n)):
    """All centers after a step: `step` says what the sum of the residuals is multiplied by."""
    new = c.copy()
    for label in np.unique(y):
        residuals = x[y == label] - c[label]
        new[label] += step(alpha, len(residuals)) * residuals.sum(axis=0)
    return new


def one_after_the_other(x, y, c, alpha):
    new, counts = c.copy(), np.bincount(y, minlength=len(c))
    for row, label in zip(x, y, strict=True):
        new[label] += alpha * (row - new[label]) / (1 + counts[label])
    return new


def changes_its_input(x, y, c, alpha):
    c += moved(x, y, c, alpha) - c
    return moved(x, y, c, alpha)


def absent_to_zero(x, y, c, alpha):
    return moved(x, y, c, alpha) * np.isin(np.arange(len(c)), y)[:, None]


MUTANTS = {
    "intra_inter": {
        "each class counts alike": lambda x, y: ratio(x, y, intra=lambda within: np.concatenate(within).mean()),
        "the mean distance, not the median": lambda x, y: ratio(
            x, y, intra=lambda within: np.mean([np.median(row) for row in within])
        ),
        "from the mean of its own class": to_the_overall_mean,
        "pairs of different classes": lambda x, y: ratio(x, y, inter=np.mean),
        "all pairs, not the nearest": lambda x, y: ratio(
            x, y, inter=lambda between: (between + np.diag(np.full(len(between), np.inf))).min(axis=1).mean()
        ),
        "all pairs, not those of neighbouring labels": lambda x, y: ratio(
            x, y, inter=lambda between: np.diagonal(between, 1).mean()
        ),
        "intra divided by inter": lambda x, y: 1 / ratio(x, y),
        "distances are not squared": squared,
        "labels need not be 0, 1, 2": lambda x, y: ratio(x[y < len(np.unique(y))], y[y < len(np.unique(y))]),
        "features as they are, not of length one": lambda x, y: ratio(
            x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9), y
        ),
    },
    "center_gradient": {
        "the loss is a mean over the batch": lambda x, y, c: x - c[y],
        "the mean is over as many rows as there are": lambda x, y, c: (x - c[y]) / 4,
        "the mean is over rows, not over all numbers": lambda x, y, c: (x - c[y]) / x.size,
        "half of the square": lambda x, y, c: 2 * (x - c[y]) / len(x),
        "the gradient points away from the center": lambda x, y, c: (c[y] - x) / len(x),
        "each feature has the center of its class": lambda x, y, c: (x - c[0]) / len(x),
        "the gradient has the residual's length": lambda x, y, c: np.sign(x - c[y]) / len(x),
        "of its own class alone": lambda x, y, c: (x - c[y]) / np.bincount(y)[y][:, None],
    },
    "moved_centers": {
        "one is added to the number of features": lambda x, y, c, a: moved(x, y, c, a, lambda a, n: a / n),
        "alpha scales the step": lambda x, y, c, a: moved(x, y, c, a, lambda a, n: 1 / (1 + n)),
        "alpha moves, it does not stay": lambda x, y, c, a: moved(x, y, c, 1 - a),
        "the residuals are divided": lambda x, y, c, a: moved(x, y, c, a, lambda a, n: a),
        "divided by those of the class, not of the batch": lambda x, y, c, a: moved(
            x, y, c, a, lambda a, n: a / (1 + len(y))
        ),
        "towards the features, not away": lambda x, y, c, a: 2 * c - moved(x, y, c, a),
        "the centers, not their step": lambda x, y, c, a: moved(x, y, c, a) - c,
        "all residuals come from the old center": one_after_the_other,
        "one step alone": changes_its_input,
        "a class that is absent keeps its center": absent_to_zero,
        "all classes are returned": lambda x, y, c, a: moved(x, y, c, a)[np.unique(y)],
    },
}
