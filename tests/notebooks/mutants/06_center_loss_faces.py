"""Wrong answers to the exercises of 06_center_loss_faces, each under the rule that it breaks."""

import numpy as np


def midpoints(scores):
    ordered = np.sort(scores)
    return (ordered[1:] + ordered[:-1]) / 2


def counted(scores, same, candidates):
    """Right decisions at each candidate."""
    return ((scores >= candidates[:, None]) == same).sum(axis=1)


def highest(candidates, worth):
    """The highest of the best candidates."""
    return candidates[worth == worth.max()].max()


def lower_of_two(scores, same):
    candidates = midpoints(scores)
    return candidates[np.argmax(counted(scores, same, candidates))]


def middle_of_the_best(scores, same):
    candidates = midpoints(scores)
    right = counted(scores, same, candidates)
    return candidates[right == right.max()].mean()


def genuine_alone(scores, same):
    candidates = midpoints(scores)
    return highest(candidates, (scores[same] >= candidates[:, None]).sum(axis=1))


def impostors_alone(scores, same):
    candidates = midpoints(scores)
    return highest(candidates, (scores[~same] < candidates[:, None]).sum(axis=1))


def both_kinds_alike(scores, same):
    candidates = midpoints(scores)
    accepted = scores >= candidates[:, None]
    shares = [
        accepted[:, same].sum(axis=1) / max(1, same.sum()),
        (~accepted)[:, ~same].sum(axis=1) / max(1, (~same).sum()),
    ]
    return highest(candidates, sum(shares).round(9))


def the_scores_themselves(scores, same):
    candidates = np.sort(scores)
    return highest(candidates, counted(scores, same, candidates))


def beyond_the_scores(scores, same):
    candidates = np.array([*midpoints(scores), scores.min() - 1, scores.max() + 1])
    return highest(candidates, counted(scores, same, candidates))


def not_sorted(scores, same):
    candidates = (scores[1:] + scores[:-1]) / 2
    return highest(candidates, counted(scores, same, candidates))


def low_scores_accepted(scores, same):
    candidates = midpoints(scores)
    return highest(candidates, ((scores < candidates[:, None]) == same).sum(axis=1))


def unpaired(a, b, t):
    margin = t * np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return a.mean() - b.mean() - margin, a.mean() - b.mean() + margin


def interval(difference, t, ddof=1, root=np.sqrt, middle=np.mean):
    """The right interval of the differences, with one part of it exchanged."""
    margin = t * difference.std(ddof=ddof) / root(len(difference))
    return middle(difference) - margin, middle(difference) + margin


MUTANTS = {
    "best_threshold": {
        "of equally good thresholds the highest, not the lowest": lower_of_two,
        "of equally good thresholds the highest, not their middle": middle_of_the_best,
        "rejected impostor pairs count as well": genuine_alone,
        "accepted genuine pairs count as well": impostors_alone,
        "decisions are counted, whatever their kind": both_kinds_alike,
        "candidates are midpoints, not scores": the_scores_themselves,
        "no candidate lies beyond the scores": beyond_the_scores,
        "midpoints of neighbours in sorted order": not_sorted,
        "pairs with a high score are accepted": low_scores_accepted,
    },
    "paired_interval": {
        "the spread is that of the differences": unpaired,
        "the sample's standard deviation divides by n - 1": lambda a, b, t: interval(a - b, t, ddof=0),
        "a minus b": lambda a, b, t: interval(b - a, t),
        "the standard error has the root of n": lambda a, b, t: interval(a - b, t, root=float),
        "of the mean, not of a single run": lambda a, b, t: interval(a - b, t, root=lambda n: 1),
        "around the mean, not the median": lambda a, b, t: interval(a - b, t, middle=np.median),
        "t is Student's, not the normal quantile": lambda a, b, t: interval(a - b, 1.96),
        "low first, then high": lambda a, b, t: interval(a - b, t)[::-1],
    },
}
