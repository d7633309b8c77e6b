"""Wrong answers to the exercises of 07_margin_losses, each under the rule that it breaks."""

import math

import numpy as np

from tools.notebook_exercises import solution_of

right = solution_of("07_margin_losses")


def target(c, m, *, enlarged=None, other=None, beyond=None):
    """The solution with one of its parts replaced."""
    angles = np.arccos(c)
    enlarged = np.cos(angles + m) if enlarged is None else enlarged
    other = c - m * np.sin(m) if other is None else other
    return np.where(angles + m > np.pi if beyond is None else beyond, other, enlarged)


def scale(c, p, m, *, others=None, gap=None):
    """The solution with the number of other classes or the gap replaced."""
    others = c - 1 if others is None else others
    return math.log(others * p / (1 - p)) / (1 - m + 1 / (c - 1) if gap is None else gap)


def line(a, bounds, margins, *, low=True, high=True):
    """The solution, clipped at the chosen ends only."""
    (short, long), (least, most) = bounds, margins
    a = np.clip(a, short if low else None, long if high else None) if low or high else a
    return least + (most - least) * (a - short) / (long - short)


MUTANTS = {
    "arcface_target": {
        "past 180 degrees the other branch holds": lambda c, m: np.cos(np.arccos(c) + m),
        "before 180 degrees the first branch holds": lambda c, m: c - m * np.sin(m),
        "the branch is chosen by the angle, not the sign": lambda c, m: target(c, m, beyond=c < 0),
        "the branch is chosen by the enlarged angle": lambda c, m: target(c, m, beyond=np.arccos(c) > np.pi),
        "the margin is added to the angle": lambda c, m: target(c, m, enlarged=np.cos(np.arccos(c) - m)),
        "to the angle, not taken from the cosine": lambda c, m: target(c, m, enlarged=c - m),
        "the margin is in radians": lambda c, m: right.arcface_target(c, np.deg2rad(m)),
        "the other branch has the sine of m": lambda c, m: target(c, m, other=c - m),
        "of the sine m times as much": lambda c, m: target(c, m, other=c - np.sin(m)),
        "the other branch is lower, not higher": lambda c, m: target(c, m, other=c + m * np.sin(m)),
        "the other branch starts from the plain cosine": lambda c, m: target(
            c, m, other=np.cos(np.arccos(c) + m) - m * np.sin(m)
        ),
    },
    "smallest_scale": {
        "the others have a cosine below zero": lambda c, p, m: scale(c, p, m, gap=1 - m),
        "the margin narrows the own logit alone": lambda c, p, m: scale(c, p, m, gap=(1 - m) * c / (c - 1)),
        "the margin narrows the gap at all": lambda c, p, m: scale(c, p, m, gap=c / (c - 1)),
        "the margin is taken off": lambda c, p, m: scale(c, p, m, gap=1 + m + 1 / (c - 1)),
        "all other classes count": lambda c, p, m: scale(c, p, m, others=1),
        "the own class is none of the others": lambda c, p, m: scale(c, p, m, others=c),
        "odds, not the probability": lambda c, p, m: math.log((c - 1) * p) / (1 - m + 1 / (c - 1)),
        "the others share the cosine of minus one": lambda c, p, m: scale(c, p, m, gap=2 - m),
    },
    "margin_of_length": {
        "shorter ones get the least margin": lambda a, b, m: line(a, b, m, low=False),
        "longer ones get the largest margin": lambda a, b, m: line(a, b, m, high=False),
        "it begins at the least margin": lambda a, b, m: line(a, b, m) - m[0],
        "it ends at the largest margin": lambda a, b, m: line(a, b, (m[0], m[0] + m[1])),
        "it rises": lambda a, b, m: line(a, b, m[::-1]),
        "it rises from the lower bound on": lambda a, b, m: line(a, (0, b[1]), m),
        "in a straight line": lambda a, b, m: np.where(a >= sum(b) / 2, m[1], m[0]),
    },
}
