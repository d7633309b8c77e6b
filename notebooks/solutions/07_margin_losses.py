"""Solutions to the exercises of notebooks/07_margin_losses.ipynb."""

import math

import numpy as np


def arcface_target(cosines, margin):
    angles = np.arccos(cosines)
    return np.where(
        angles + margin <= np.pi,
        np.cos(angles + margin),
        cosines - margin * np.sin(margin),
    )


def smallest_scale(classes, probability, margin):
    odds = probability / (1 - probability)
    return math.log((classes - 1) * odds) / (1 - margin + 1 / (classes - 1))
