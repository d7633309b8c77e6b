"""Solutions to the exercises of notebooks/08_sgd_vs_sam.ipynb, with the reasons."""

import numpy as np


def step_up(gradients, rho):
    """All layers together are one long vector, so there is one norm: the root of the sum of **all** squares.

    A norm for each layer would move each layer by rho, and the whole by more. Divided by the one norm, the step as a
    whole has the length rho, and layers with small gradients move little.
    """
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return tuple(rho * g / norm for g in gradients)


def adaptive_step_up(w, g, rho):
    """T multiplies each number by the size of its weight, so no matrix is needed.

    The size counts once in the norm and twice in the step. A weight of 0 does not move at all, and the sign of a weight
    plays no part.
    """
    size = np.abs(w)
    return rho * size**2 * g / np.linalg.norm(size * g)
