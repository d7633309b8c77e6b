"""Solutions to the exercises of notebooks/08_sgd_vs_sam.ipynb, and the mistakes that its checks explain."""

import numpy as np


def step_up(gradients, rho):
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return tuple(rho * g / norm for g in gradients)


def adaptive_step_up(w, g, rho):
    size = np.abs(w)
    return rho * size**2 * g / np.linalg.norm(size * g)


def a_norm_for_each_layer(gradients, rho):
    return tuple(rho * g / np.linalg.norm(g) for g in gradients)


def multiplied_once(w, g, rho):
    size = np.abs(w)
    return rho * size * g / np.linalg.norm(size * g)


WRONG = {
    "step_up": {
        "the result is 1.667 times what is expected": a_norm_for_each_layer,
        "the result is 5 times what is expected": lambda gradients, rho: tuple(rho * g for g in gradients),
    },
    "adaptive_step_up": {
        "multiplies by that size twice": multiplied_once,
        "T g is the gradient times the size of each weight": lambda w, g, rho: rho * g / np.linalg.norm(g),
    },
}
