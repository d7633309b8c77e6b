"""Solutions to the exercises of notebooks/04c_mobiface.ipynb."""

import math


def head_parameters(channels, side, dim):
    places = side * side
    return 0, channels * places + 2 * channels, channels * places * dim + dim


def classes_behind(millions, body, features):
    low, high = (millions - 0.5) * 1e6 - body, (millions + 0.5) * 1e6 - body
    return math.ceil(low / (features + 1)), math.ceil(high / (features + 1)) - 1
