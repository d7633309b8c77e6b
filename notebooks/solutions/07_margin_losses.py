"""Solutions to the exercises of notebooks/07_margin_losses.ipynb, and the mistakes that its checks explain."""

import math

import numpy as np


def arcface_target(cosines, margin):
    angles = np.arccos(cosines)
    return np.where(angles + margin <= np.pi, np.cos(angles + margin), cosines - margin * np.sin(margin))


def smallest_scale(classes, probability, margin):
    odds = probability / (1 - probability)
    return math.log((classes - 1) * odds) / (1 - margin + 1 / (classes - 1))


WRONG = {
    "arcface_target": {
        "The other branch is for": lambda c, m: np.cos(np.arccos(c) + m),
        "np.arccos gives": lambda c, m: np.where(c > 0, np.cos(np.arccos(c) + m), c),
        "the sign is reversed": lambda c, m: -arcface_target(c, m),
    },
    "smallest_scale": {
        "e to the gap": lambda c, p, m: math.log((c - 1) * p / (1 - p)) / (1 - m),
        "The gap is s times something": lambda c, p, m: (c - 1) / c * math.log((c - 1) * p / (1 - p)) / (1 - m),
    },
}
