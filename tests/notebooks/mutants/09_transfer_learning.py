"""Wrong answers to the exercises of 09_transfer_learning, each under the rule that it breaks."""

import numpy as np

from tools.notebook_exercises import solution_of

right = solution_of("09_transfer_learning")


def old_ones_weigh_more(momentum, n_batches):
    found = right.shares(momentum, n_batches)
    return np.concatenate([found[:1], found[:0:-1]])


def batches_alike(momentum, n_batches):
    found = right.shares(momentum, n_batches)
    found[1:] = found[1:].sum() / max(n_batches, 1)
    return found


def the_start_forgotten(momentum, n_batches):
    found = right.shares(momentum, n_batches)
    found[0] = 0.0 if n_batches else 1.0
    return found


def the_start_last(momentum, n_batches):
    return np.roll(right.shares(momentum, n_batches), -1)


def same_place_only(test, train, tolerance):
    return np.array([np.abs(a - train[min(i, len(train) - 1)]).mean() <= tolerance for i, a in enumerate(test)])


def signed(test, train, tolerance):
    return np.abs((test[:, None] - train).mean(axis=2)).min(axis=1) <= tolerance


def root_mean_square(test, train, tolerance):
    return np.sqrt(((test[:, None] - train) ** 2).mean(axis=2)).min(axis=1) <= tolerance


def worst_pixel(test, train, tolerance):
    return np.abs(test[:, None] - train).max(axis=2).min(axis=1) <= tolerance


def all_of_them(test, train, tolerance):
    return np.abs(test[:, None] - train).mean(axis=2).max(axis=1) <= tolerance


def below(test, train, tolerance):
    return np.abs(test[:, None] - train).mean(axis=2).min(axis=1) < tolerance


MUTANTS = {
    "shares": {
        "momentum is the share of the new batch": lambda momentum, n: right.shares(1 - momentum, n),
        "later batches weigh more": old_ones_weigh_more,
        "batches do not weigh the same": batches_alike,
        "the start keeps a share": the_start_forgotten,
        "the start comes first": the_start_last,
    },
    "leaks": {
        "any training picture may be the copy": same_place_only,
        "one copy is enough": all_of_them,
        "differences have no sign": signed,
        "the mean of the differences, not of their squares": root_mean_square,
        "the mean of the differences, not the largest": worst_pixel,
        "at most the tolerance": below,
    },
}
