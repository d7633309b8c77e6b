"""Solutions to the exercises of notebooks/04c_mobiface.ipynb, and the mistakes that its checks explain."""

import math


def head_parameters(channels, side, dim):
    places = side * side
    return 0, channels * places + 2 * channels, channels * places * dim + dim


def classes_behind(millions, body, features):
    low, high = (millions - 0.5) * 1e6 - body, (millions + 0.5) * 1e6 - body
    return math.ceil(low / (features + 1)), math.ceil(high / (features + 1)) - 1


def without_batch_norm(channels, side, dim):
    return 0, channels * side * side, channels * side * side * dim + dim


def dense_after_averaging(channels, side, dim):
    return 0, channels * side * side + 2 * channels, channels * dim + dim


def body_kept(millions, body, features):
    return classes_behind(millions, 0, features)


def rounded_outwards(millions, body, features):
    fewest, most = classes_behind(millions, body, features)
    return fewest - 1, most + 1


WRONG = {
    "head_parameters": {"2 a channel": without_batch_norm, "fc has all pairs": dense_after_averaging},
    "classes_behind": {"take the body away": body_kept, "round inwards": rounded_outwards},
}
