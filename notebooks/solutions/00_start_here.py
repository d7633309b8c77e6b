"""Solutions to the exercises of notebooks/00_start_here.ipynb, with the reasons."""

import numpy as np


def cosine(a, b):
    """The sum of the products grows with the lengths of both vectors, so both are divided out.

    What is left depends on the directions alone: multiplying a vector by a positive number changes nothing. It is not
    an absolute value, so opposite directions score -1.
    """
    return (a * b).sum() / (np.sqrt((a * a).sum()) * np.sqrt((b * b).sum()))


def far_and_frr(scores, same, threshold):
    """Decide first, then look at each kind of pair alone.

    The two rates have different denominators: FAR is a share of the impostor pairs, FRR a share of the genuine ones.
    A score equal to the threshold is accepted, so it counts for FAR and not for FRR.
    """
    accepted = scores >= threshold
    return accepted[~same].mean(), (~accepted)[same].mean()


def worst_pairs(scores, same):
    """Picking the impostor pairs out first would number them anew, and the position in the whole list would be lost.

    So all pairs stay where they are, and those of the other kind get a score with which they cannot be found.
    """
    impostor = np.where(same, -np.inf, scores).argmax()
    genuine = np.where(same, scores, np.inf).argmin()
    return impostor, genuine
