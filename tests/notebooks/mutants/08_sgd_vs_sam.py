"""Wrong answers to the exercises of 08_sgd_vs_sam, each under the rule that it breaks."""

import numpy as np

from tools.notebook_exercises import solution_of

right = solution_of("08_sgd_vs_sam")


def a_norm_for_each_layer(gradients, rho):
    return tuple(rho * g / np.linalg.norm(g) for g in gradients)


def multiplied_once(w, g, rho):
    size = np.abs(w)
    return rho * size * g / np.linalg.norm(size * g)


MUTANTS = {
    "step_up": {
        "one norm for all layers": a_norm_for_each_layer,
        "the step has the length rho": lambda gradients, rho: tuple(rho * g for g in gradients),
        "up, not down": lambda gradients, rho: tuple(-e for e in right.step_up(gradients, rho)),
        "a norm is a root": lambda gradients, rho: tuple(
            rho * g / sum((h**2).sum() for h in gradients) for g in gradients
        ),
        "one array a layer": lambda gradients, rho: tuple(right.step_up(gradients, rho)[:1]) + tuple(gradients[1:]),
    },
    "adaptive_step_up": {
        "the size of a weight counts twice": multiplied_once,
        "the size of a weight counts at all": lambda w, g, rho: rho * g / np.linalg.norm(g),
        "the size of a weight has no sign": lambda w, g, rho: rho * w * np.abs(w) * g / np.linalg.norm(w * g),
    },
}
