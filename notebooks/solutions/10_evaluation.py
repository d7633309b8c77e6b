"""Solutions to the exercises of notebooks/10_evaluation.ipynb."""

import numpy as np


def tar_at(scores, same, far):
    """Count how many impostor pairs may pass, and refuse the next one with all that ties with it.

    If k of n pass, the FAR is k / n, so the largest k with k / n <= far is searched for, not computed as far * n: the
    computer rounds 0.29 * 100 down to 28.999…, and int() would make 28 of it. The threshold lies just above the
    first impostor that is refused; where all may pass, nobody is refused.
    """
    impostor = np.sort(scores[~same])[::-1]
    n = len(impostor)
    allowed = max(k for k in range(n + 1) if k / n <= far)
    first_refused = impostor[allowed] if allowed < n else -np.inf
    return np.mean(scores[same] > first_refused)


def rank_of_mate(cosines, labels, label):
    """Count who stands before the best of the probe's own entries.

    Only entries of others can, so the probe's own are left out, whatever they score. A tie counts against the probe,
    hence at least and not more; with nobody before it the rank is 1.
    """
    own = labels == label
    return 1 + int(np.sum(cosines[~own] >= cosines[own].max()))
