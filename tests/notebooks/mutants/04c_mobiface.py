"""Wrong answers to the exercises of 04c_mobiface, each under the rule that it breaks."""

import math

from tools.notebook_exercises import solution_of

right = solution_of("04c_mobiface")


def without_batch_norm(channels, side, dim):
    return 0, channels * side * side, channels * side * side * dim + dim


def dense_after_averaging(channels, side, dim):
    return 0, channels * side * side + 2 * channels, channels * dim + dim


def body_kept(millions, body, features):
    return right.classes_behind(millions, 0, features)


def rounded_outwards(millions, body, features):
    fewest, most = right.classes_behind(millions, body, features)
    return fewest - 1, most + 1


def no_bias(millions, body, features):
    low, high = (millions - 0.5) * 1e6 - body, (millions + 0.5) * 1e6 - body
    return math.ceil(low / features), math.ceil(high / features) - 1


MUTANTS = {
    "head_parameters": {
        "a batch norm has two numbers a channel": without_batch_norm,
        "the dense layer sees every position": dense_after_averaging,
    },
    "classes_behind": {
        "the body is taken away": body_kept,
        "both ends are rounded inwards": rounded_outwards,
        "each class has a bias": no_bias,
    },
}
