"""Wrong answers to the exercises of 09_transfer_learning, each under the rule that it breaks."""

import numpy as np

from tools.notebook_exercises import solution_of

right = solution_of("09_transfer_learning")


def weights_swapped(start, batch_means, momentum):
    return right.running_mean(start, batch_means, 1 - momentum)


def all_batches_at_once(start, batch_means, momentum):
    return (1 - momentum) * start + momentum * batch_means.mean(axis=0)


def same_place_only(test, train, tolerance):
    return np.array([np.abs(a - train[min(i, len(train) - 1)]).mean() <= tolerance for i, a in enumerate(test)])


def signed(test, train, tolerance):
    return (test[:, None] - train).mean(axis=2).min(axis=1) <= tolerance


def root_mean_square(test, train, tolerance):
    return np.sqrt(((test[:, None] - train) ** 2).mean(axis=2)).min(axis=1) <= tolerance


def below(test, train, tolerance):
    return np.abs(test[:, None] - train).mean(axis=2).min(axis=1) < tolerance


MUTANTS = {
    "running_mean": {
        "momentum is the weight of the new batch": weights_swapped,
        "one step a batch, in order": all_batches_at_once,
    },
    "leaks": {
        "any training image may be the copy": same_place_only,
        "differences have no sign": signed,
        "the mean of the differences, not of their squares": root_mean_square,
        "at most the tolerance": below,
    },
}
