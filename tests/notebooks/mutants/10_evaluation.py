"""Wrong answers to the exercises of 10_evaluation, each under the rule that it breaks."""

import numpy as np


def tar_with(count):
    """TAR when as many impostors may pass as `count(far, n)` says."""

    def tar(scores, same, far):
        impostor = np.append(np.sort(scores[~same])[::-1], -np.inf)
        return np.mean(scores[same] > impostor[count(far, len(impostor) - 1)])

    return tar


def exact(far, n):
    return max(k for k in range(n + 1) if k / n <= far)


def at_the_last_allowed(scores, same, far):
    impostor = np.append(np.inf, np.sort(scores[~same])[::-1])
    threshold = impostor[exact(far, np.sum(~same))]
    return np.mean(scores[same] >= threshold)  # what ties with it passes too, and what lies just below does not


def at_the_first_refused(scores, same, far):
    impostor = np.append(np.sort(scores[~same])[::-1], -np.inf)
    return np.mean(scores[same] >= impostor[exact(far, np.sum(~same))])


def of_all_pairs(scores, same, far):
    return tar_with(exact)(scores, same, far) * np.mean(same)


def ranks_by(before):
    """The rank when `before(other, best)` says who stands before the best of the probe's own entries."""
    return lambda cosines, labels, label: (
        1 + int(np.sum(before(cosines[labels != label], cosines[labels == label].max())))
    )


def first_entry(cosines, labels, label):
    own = labels == label
    return 1 + int(np.sum(cosines[~own] >= cosines[own][0]))


def worst_entry(cosines, labels, label):
    own = labels == label
    return 1 + int(np.sum(cosines[~own] >= cosines[own].min()))


def in_the_way_of_itself(cosines, labels, label):
    best = cosines[labels == label].max()
    return 1 + int(np.sum((cosines > best) | (cosines >= best) & (labels != label) | (labels == label)) - 1)


def without_distractors(cosines, labels, label):
    best = cosines[labels == label].max()
    return 1 + int(np.sum(cosines[(labels != label) & (labels >= 0)] >= best))


def by_people(cosines, labels, label):
    best = cosines[labels == label].max()
    return 1 + len(set(labels[(labels != label) & (cosines >= best)].tolist()))


MUTANTS = {
    "tar_at": {
        "at most far: the count is not rounded up": tar_with(lambda far, n: int(round(far * n))),
        "29 of 100 pass for 0.29": tar_with(lambda far, n: int(far * n)),
        "a FAR equal to far is allowed": tar_with(lambda far, n: max(k for k in range(n + 1) if not k or k / n < far)),
        "one more impostor is one too many": tar_with(lambda far, n: min(exact(far, n) + 1, n)),
        "where no impostor may pass, none does": tar_with(lambda far, n: max(exact(far, n), 1)),
        "with far 1 all pairs may pass": tar_with(lambda far, n: min(exact(far, n), n - 1)),
        "the lowest threshold that keeps far, not the last impostor's": at_the_last_allowed,
        "what ties with the first refused impostor is refused": at_the_first_refused,
        "TAR is a share of the genuine pairs": of_all_pairs,
    },
    "rank_of_mate": {
        "the best of its own entries counts, not the first": first_entry,
        "the best of its own entries counts, not the worst": worst_entry,
        "a tie goes to the others": ranks_by(lambda other, best: other > best),
        "its other entries are not in its way": in_the_way_of_itself,
        "a distractor can be in the way": without_distractors,
        "every entry counts, not every person": by_people,
        "the first rank is 1": lambda *given: ranks_by(lambda other, best: other >= best)(*given) - 1,
        "the more alike come first": ranks_by(lambda other, best: other <= best),
    },
}
