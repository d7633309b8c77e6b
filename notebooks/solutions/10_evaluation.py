"""Solutions to the exercises of notebooks/10_evaluation.ipynb, and the mistakes that its checks explain."""

import numpy as np


def tar_at(scores, same, far):
    impostor = np.sort(scores[~same])[::-1]
    allowed = int(far * len(impostor))
    first_refused = impostor[allowed] if allowed < len(impostor) else -np.inf
    return np.mean(scores[same] > first_refused)


def rank_of_mate(cosines, labels, label):
    mate = labels == label
    return 1 + np.sum(cosines[~mate] >= cosines[mate].max())


def at_the_last_allowed(scores, same, far):
    impostor = np.sort(scores[~same])[::-1]
    return np.mean(scores[same] >= impostor[int(far * len(impostor)) - 1])  # accepts all that tie with it


def at_the_first_refused(scores, same, far):
    impostor = np.append(np.sort(scores[~same])[::-1], -np.inf)
    return np.mean(scores[same] >= impostor[int(far * np.sum(~same))])


def first_entry(cosines, labels, label):
    mate = labels == label
    return 1 + np.sum(cosines[~mate] >= cosines[mate][0])


def ties_for_the_probe(cosines, labels, label):
    mate = labels == label
    return 1 + np.sum(cosines[~mate] > cosines[mate].max())


def in_the_way_of_itself(cosines, labels, label):
    return 1 + np.sum(cosines >= cosines[labels == label].max())


WRONG = {
    "tar_at": {
        "the result is 0.6667 times what is expected": at_the_last_allowed,
        "the result is 2 times what is expected": at_the_first_refused,
    },
    "rank_of_mate": {
        "The best cosine among its own entries": first_entry,
        "the result is 0.5 times what is expected": ties_for_the_probe,
        "the result is 1.5 times what is expected": in_the_way_of_itself,
    },
}
