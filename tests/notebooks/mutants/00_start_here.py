"""Wrong answers to the exercises of 00_start_here, each under the rule that it breaks."""

import numpy as np


def cosine(a, b):
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def last_of_equals(scores, same):
    impostors, genuine = np.flatnonzero(~same), np.flatnonzero(same)
    return (
        impostors[scores[impostors] == scores[impostors].max()][-1],
        genuine[scores[genuine] == scores[genuine].min()][-1],
    )


MUTANTS = {
    "cosine": {
        "divide by both lengths": lambda a, b: (a * b).sum(),
        "divide by the length of b too": lambda a, b: (a * b).sum() / np.sqrt((a * a).sum()),
        "a length is a root": lambda a, b: (a * b).sum() / ((a * a).sum() * (b * b).sum()),
        "a cosine may be negative": lambda a, b: abs(cosine(a, b)),
        "the cosine and not the angle": lambda a, b: np.arccos(np.clip(cosine(a, b), -1, 1)),
    },
    "far_and_frr": {
        "a score equal to the threshold is accepted": lambda s, same, t: (np.mean(s[~same] > t), np.mean(s[same] <= t)),
        "a share of its own kind of pairs": lambda s, same, t: (np.mean((s >= t) & ~same), np.mean((s < t) & same)),
        "FAR first, then FRR": lambda s, same, t: (np.mean(s[same] < t), np.mean(s[~same] >= t)),
        "FRR and not TAR": lambda s, same, t: (np.mean(s[~same] >= t), np.mean(s[same] >= t)),
        "FAR counts those let in": lambda s, same, t: (np.mean(s[~same] < t), np.mean(s[same] < t)),
    },
    "worst_pairs": {
        "positions over all pairs": lambda s, same: (s[~same].argmax(), s[same].argmin()),
        "the impostor pair with the highest score": lambda s, same: (
            np.where(same, np.inf, s).argmin(),
            np.where(same, s, np.inf).argmin(),
        ),
        "the genuine pair with the lowest score": lambda s, same: (
            np.where(same, -np.inf, s).argmax(),
            np.where(same, s, -np.inf).argmax(),
        ),
        "of its own kind of pairs": lambda s, same: (s.argmax(), s.argmin()),
        "scores may be negative": lambda s, same: ((s * ~same).argmax(), np.where(same, s, np.inf).argmin()),
        "first the impostor pair": lambda s, same: (
            np.where(same, s, np.inf).argmin(),
            np.where(same, -np.inf, s).argmax(),
        ),
        "of equal scores the first": last_of_equals,
    },
}
