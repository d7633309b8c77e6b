"""Solutions to the exercises of notebooks/07_margin_losses.ipynb, with the reasons."""

import math

import numpy as np


def arcface_target(cosines, margin):
    """Go to the angle, add the margin there, and come back; arccos gives angles between 0 and pi.

    Whether the other branch holds is a question to the enlarged angle. An angle beyond 90 degrees has a negative cosine
    and may still be far from 180 with its margin, so the sign of the cosine decides nothing.
    """
    angles = np.arccos(cosines)
    beyond = angles + margin > np.pi
    return np.where(beyond, cosines - margin * np.sin(margin), np.cos(angles + margin))


def smallest_scale(classes, probability, margin):
    """Softmax knows differences only, so look at the gap between the own logit and the others.

    The gap is s (1 - m) + s / (C - 1): the margin shortens its first part and leaves the second alone. The odds P / (1 - P)
    are e to the gap, divided by the C - 1 others. Take the logarithm, and solve for s.
    """
    odds = probability / (1 - probability)
    return math.log((classes - 1) * odds) / (1 - margin + 1 / (classes - 1))


def margin_of_length(lengths, bounds, margins):
    """First bring every length into the bounds; then what is left is a straight line through two points.

    The share of the way from the lower bound to the upper one is between 0 and 1 after the clipping, and the margin
    goes the same share of its own way.
    """
    (short, long), (least, most) = bounds, margins
    share = (np.clip(lengths, short, long) - short) / (long - short)
    return least + (most - least) * share
