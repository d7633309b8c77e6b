"""Solutions to the exercises of notebooks/00_start_here.ipynb, and the mistakes that its checks explain."""

import numpy as np


def pair_scores(embeddings, left, right):
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (unit[left] * unit[right]).sum(axis=1)


def far_and_frr(scores, same, threshold):
    accepted = scores >= threshold
    return accepted[~same].mean(), (~accepted)[same].mean()


WRONG = {
    "pair_scores": {
        "Divide each dot product by both lengths": lambda e, left, right: (e[left] * e[right]).sum(axis=1),
        "the shape is": lambda e, left, right: e[left] @ e[right].T,
    },
    "far_and_frr": {
        "Equal to the threshold means accepted": lambda s, same, t: (np.mean(s[~same] > t), np.mean(s[same] <= t)),
        "FAR counts only impostor pairs": lambda s, same, t: (np.mean((s >= t) & ~same), np.mean((s < t) & same)),
    },
}
