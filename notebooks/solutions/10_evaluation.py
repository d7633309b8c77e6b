"""Solutions to the exercises of notebooks/10_evaluation.ipynb."""

import numpy as np


def tar_at(scores, same, far):
    impostor = np.sort(scores[~same])[::-1]
    allowed = int(far * len(impostor))
    first_refused = impostor[allowed] if allowed < len(impostor) else -np.inf
    return np.mean(scores[same] > first_refused)


def rank_of_mate(cosines, labels, label):
    mate = labels == label
    return 1 + np.sum(cosines[~mate] >= cosines[mate].max())
