"""Wrong answers to the exercises of 00_start_here, each under the rule that it breaks."""

import numpy as np


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


MUTANTS = {
    "pair_scores": {
        "divide by both lengths": lambda e, left, right: (e[left] * e[right]).sum(axis=1),
        "divide by the right length too": lambda e, left, right: (unit(e)[left] * e[right]).sum(axis=1),
        "one score a pair": lambda e, left, right: unit(e)[left] @ unit(e)[right].T,
        "a cosine may be negative": lambda e, left, right: np.abs((unit(e)[left] * unit(e)[right]).sum(axis=1)),
        "rows are given by number": lambda e, left, right: (unit(e)[: len(left)] * unit(e)[: len(left)]).sum(axis=1),
    },
    "far_and_frr": {
        "a score equal to the threshold is accepted": lambda s, same, t: (np.mean(s[~same] > t), np.mean(s[same] <= t)),
        "a share of its own kind of pairs": lambda s, same, t: (np.mean((s >= t) & ~same), np.mean((s < t) & same)),
        "FAR first, then FRR": lambda s, same, t: (np.mean(s[same] < t), np.mean(s[~same] >= t)),
        "FRR and not TAR": lambda s, same, t: (np.mean(s[~same] >= t), np.mean(s[same] >= t)),
        "FAR counts those let in": lambda s, same, t: (np.mean(s[~same] < t), np.mean(s[same] < t)),
    },
}
