"""Wrong answers to the exercises of 10_evaluation, each under the rule that it breaks."""

import numpy as np


def tar_with(count):
    """TAR when the first impostor to be refused is at the place that `count` gives."""

    def tar(scores, same, far):
        impostor = np.append(np.sort(scores[~same])[::-1], -np.inf)
        return np.mean(scores[same] > impostor[count(far * np.sum(~same))])

    return tar


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


MUTANTS = {
    "tar_at": {
        "what ties with an allowed impostor may be too many": at_the_last_allowed,
        "what ties with the first refused impostor is refused": at_the_first_refused,
        "at most far: the count is rounded down": tar_with(lambda product: int(round(product))),
    },
    "rank_of_mate": {
        "the best of its own entries counts": first_entry,
        "a tie goes to the others": ties_for_the_probe,
        "only entries of others count": in_the_way_of_itself,
    },
}
