"""Wrong answers to the exercises of 04e_inception, each under the rule that it breaks."""

import math

import torch

from tools.notebook_exercises import solution_of

right = solution_of("04e_inception")


def one_after_the_other(x, branches, join, scale, shortcut):
    """The branches in a row, each as long as its channels fit."""
    seen = []
    for branch in branches:
        last = seen[-1] if seen and seen[-1].shape == x.shape else x
        seen.append(branch(last))
    out = scale * join(torch.cat(seen, dim=1))
    return x + out if shortcut else out


def with_relu(x, branches, join, scale, shortcut):
    return torch.relu(right.block_sum(x, branches, join, scale, shortcut))


def relu_before_the_sum(x, branches, join, scale, shortcut):
    out = torch.relu(right.block_sum(x, branches, join, scale, False))
    return x + out if shortcut else out


def everything_scaled(x, branches, join, scale, shortcut):
    return scale * right.block_sum(x, branches, join, 1.0, shortcut)


def always_added(x, branches, join, scale, shortcut):
    return right.block_sum(x, branches, join, scale, True)


def never_added(x, branches, join, scale, shortcut):
    return right.block_sum(x, branches, join, scale, False)


def never_scaled(x, branches, join, scale, shortcut):
    return right.block_sum(x, branches, join, 1.0, shortcut)


def last_branch_first(x, branches, join, scale, shortcut):
    return right.block_sum(x, list(branches)[::-1], join, scale, shortcut)


def without_the_bias(x, branches, join, scale, shortcut):
    return right.block_sum(x, branches, join, scale, shortcut) - scale * join.bias[:, None, None]


def sides_added_up(kernels):
    return sum(h for h, _ in kernels), sum(w for _, w in kernels), sum(h * w for h, w in kernels)


def weights_of_the_window(kernels):
    height, width, _ = right.window_and_weights(kernels)
    return height, width, height * width


def width_first(kernels):
    height, width, weights = right.window_and_weights(kernels)
    return width, height, weights


def largest_kernel(kernels):
    return max(h for h, _ in kernels), max(w for _, w in kernels), sum(h * w for h, w in kernels)


def without_bias(printed, rest, features):
    return right.people_behind(printed, rest, features - 1)


def two_biases(printed, rest, features):
    return right.people_behind(printed, rest, features + 1)


def rounded_down(printed, rest, features):
    fewest = (round(10 * printed) * 100_000 - 50_000 - rest) // (features + 1)
    return fewest, right.people_behind(printed, rest, features)[1]


def upper_end_included(printed, rest, features):
    fewest, _ = right.people_behind(printed, rest, features)
    return fewest, (round(10 * printed) * 100_000 + 50_000 - rest) // (features + 1)


def a_whole_tenth_wide(printed, rest, features):
    middle = round(10 * printed) * 100_000 - rest
    return math.ceil((middle - 100_000) / (features + 1)), math.ceil((middle + 100_000) / (features + 1)) - 1


def cut_off(printed, rest, features):
    least = round(10 * printed) * 100_000 - rest
    return -(-least // (features + 1)), -(-(least + 100_000) // (features + 1)) - 1


MUTANTS = {
    "block_sum": {
        "each branch takes x itself": one_after_the_other,
        "no ReLU at the end": with_relu,
        "no ReLU behind the join": relu_before_the_sum,
        "the scale is not for x": everything_scaled,
        "the join's output is scaled": never_scaled,
        "shortcut=False leaves x out": always_added,
        "shortcut=True adds x": never_added,
        "stacked in the order of the branches": last_branch_first,
        "the join has its bias": without_the_bias,
    },
    "window_and_weights": {
        "a kernel adds its side less one": sides_added_up,
        "every kernel adds to the window": largest_kernel,
        "the weights of all kernels add up": weights_of_the_window,
        "height before width": width_first,
    },
    "people_behind": {
        "each person has a bias": without_bias,
        "one bias, not two": two_biases,
        "the fewest are rounded up": rounded_down,
        "less than the upper end": upper_end_included,
        "half a tenth to either side": a_whole_tenth_wide,
        "rounded, not cut off": cut_off,
    },
}
