"""Wrong answers to the exercises of 07_margin_losses, each under the rule that it breaks."""

import math

import numpy as np

from tools.notebook_exercises import solution_of

right = solution_of("07_margin_losses")

MUTANTS = {
    "arcface_target": {
        "past 180 degrees the other branch holds": lambda c, m: np.cos(np.arccos(c) + m),
        "the branch is chosen by the angle, not the sign": lambda c, m: np.where(c > 0, np.cos(np.arccos(c) + m), c),
        "the margin is added to the angle": lambda c, m: -right.arcface_target(c, m),
    },
    "smallest_scale": {
        "the others have a cosine below zero": lambda c, p, m: math.log((c - 1) * p / (1 - p)) / (1 - m),
        "the margin narrows the gap alone": lambda c, p, m: (c - 1) / c * math.log((c - 1) * p / (1 - p)) / (1 - m),
    },
}
