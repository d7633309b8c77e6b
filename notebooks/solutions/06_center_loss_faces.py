"""Solutions to the exercises of notebooks/06_center_loss_faces.ipynb, with the reasons."""

import numpy as np
from scipy import stats


def nearest_share(embeddings, labels):
    """One table of cosines answers for all photographs at once.

    Rows of length one make the product a cosine. Every photograph is most like itself, so the diagonal is set below
    every cosine before the highest of each row is taken. A person with one photograph has nobody to be found, and
    counts as wrong by itself.
    """
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2)
    return np.mean(labels[cosines.argmax(axis=1)] == labels)


def what_runs_show(differences):
    """Everything is measured in standard errors, s over the root of n: how well the runs know their mean.

    The interval reaches t of them to both sides. The root of the formula for n gives the smallest difference, which is
    t plus another t of them: one keeps the interval clear of zero, the other leaves the room that four of five
    experiments need. Both quantiles have n - 1 degrees of freedom.
    """
    n, mean = len(differences), np.mean(differences)
    standard_error = np.std(differences, ddof=1) / np.sqrt(n)
    t, room = stats.t.ppf(0.975, n - 1), stats.t.ppf(0.8, n - 1)
    return (
        mean,
        mean - t * standard_error,
        mean + t * standard_error,
        (t + room) * standard_error,
    )


def what_pairing_saves(ours, theirs):
    """In runs of their own the two variances add; in the same runs, what is common to both drops out of the difference.

    The mean of n paired differences has the squared standard error var(ours - theirs) / n. That of two unpaired means is
    (var(ours) + var(theirs)) / n, and the n that makes it as small is larger by the quotient of the variances. Where the
    two losses do not share their luck, the quotient is near 1; where one does well when the other does badly, below.
    """
    paired = np.var(ours - theirs, ddof=1)
    unpaired = np.var(ours, ddof=1) + np.var(theirs, ddof=1)
    return np.sqrt(paired), unpaired / paired
