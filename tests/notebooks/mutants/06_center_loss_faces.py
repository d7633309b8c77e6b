"""Wrong answers to the exercises of 06_center_loss_faces, each under the rule that it breaks."""

import numpy as np
from scipy import stats


def cosines_of(embeddings):
    """The table of cosines, with a photograph's own one below all others."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return unit @ unit.T - 3 * np.eye(len(unit))


def share(table, labels):
    """Of the photographs, those whose highest entry in the table shows the same person."""
    return np.mean(labels[table.argmax(axis=1)] == labels)


def with_itself(embeddings, labels):
    return share(cosines_of(embeddings) + 3 * np.eye(len(labels)), labels)


def zero_for_itself(embeddings, labels):
    return share(cosines_of(embeddings) + 2 * np.eye(len(labels)), labels)


def longest_wins(embeddings, labels):
    table = embeddings @ embeddings.T
    np.fill_diagonal(table, -np.inf)
    return share(table, labels)


def by_distance(embeddings, labels):
    table = -np.linalg.norm(embeddings[:, None] - embeddings, axis=2)
    np.fill_diagonal(table, -np.inf)
    return share(table, labels)


def number_of_them(embeddings, labels):
    return share(cosines_of(embeddings), labels) * len(labels)


def people_alike(embeddings, labels):
    right = labels[cosines_of(embeddings).argmax(axis=1)] == labels
    return np.mean([right[labels == label].mean() for label in np.unique(labels)])


def without_the_single_ones(embeddings, labels):
    right = labels[cosines_of(embeddings).argmax(axis=1)] == labels
    several = np.bincount(labels, minlength=4)[labels] > 1
    return right[several].mean() if several.any() else 0.0


def any_of_two(embeddings, labels):
    two = np.argsort(-cosines_of(embeddings), axis=1)[:, :2]
    return np.mean((labels[two] == labels[:, None]).any(axis=1))


def farthest(embeddings, labels):
    return share(-cosines_of(embeddings) - 9 * np.eye(len(labels)), labels)


def shown(differences, t=stats.t, end=0.975, power=0.8, lost=1, ddof=1, root=np.sqrt, middle=np.mean):
    """The right four numbers, with one part of them exchanged."""
    n = len(differences)
    error = np.std(differences, ddof=ddof) / root(n)
    reach, room = t.ppf(end, n - lost), t.ppf(power, n - lost)
    return (
        middle(differences),
        middle(differences) - reach * error,
        middle(differences) + reach * error,
        (reach + room) * error,
    )


class Normal:
    """The normal quantile, whatever the degrees of freedom."""

    @staticmethod
    def ppf(share, degrees):
        return stats.norm.ppf(share)


def smallest(change):
    """The right numbers, with the last one changed: it gets both quantiles, the scatter and n."""

    def what_runs_show(differences):
        n, scatter = len(differences), np.std(differences, ddof=1)
        quantiles = stats.t.ppf(0.975, n - 1), stats.t.ppf(0.8, n - 1)
        return *shown(differences)[:3], change(*quantiles, scatter, n)

    return what_runs_show


def ends_swapped(differences):
    mean, low, high, least = shown(differences)
    return mean, high, low, least


def saved(ours, theirs, ddof=1, join=lambda one, two: one**2 + two**2, power=2, times=1):
    """The right two numbers, with one part of them exchanged: `join` makes the unpaired variance of two scatters."""
    scatter = np.std(ours - theirs, ddof=ddof)
    unpaired = np.sqrt(join(np.std(ours, ddof=1), np.std(theirs, ddof=1)))
    return scatter, times * (unpaired / np.std(ours - theirs, ddof=1)) ** power


def unequal_divisors(ours, theirs):
    return saved(ours, theirs)[0], (np.var(ours) + np.var(theirs)) / np.var(ours - theirs, ddof=1)


MUTANTS = {
    "nearest_share": {
        "another photograph, not itself": with_itself,
        "a cosine below 0 can be the highest": zero_for_itself,
        "the length of an embedding does not count": longest_wins,
        "the cosine, not the distance": by_distance,
        "a share, not a number": number_of_them,
        "of photographs, not of people": people_alike,
        "people with a single photograph count": without_the_single_ones,
        "the nearest alone": any_of_two,
        "the highest cosine, not the lowest": farthest,
    },
    "what_runs_show": {
        "Student's quantiles, not normal ones": lambda x: shown(x, t=Normal),
        "n - 1 degrees of freedom": lambda x: shown(x, lost=0),
        "an interval of 95 %, so 0.975 on one side": lambda x: shown(x, end=0.95),
        "the scatter of a sample: n - 1 below": lambda x: shown(x, ddof=0),
        "the interval of the mean, not of one run": lambda x: shown(x, root=lambda n: 1),
        "the root of n": lambda x: shown(x, root=float),
        "the mean, not the median": lambda x: shown(x, middle=lambda y: np.sort(y)[len(y) // 2]),
        "the lower end first": ends_swapped,
        "four numbers, not three": lambda x: shown(x)[:3],
        "a power of 80 %, not of 50 %": lambda x: shown(x, power=0.5),
        "a power of 80 %, not of 90 %": lambda x: shown(x, power=0.9),
        "both quantiles, added": smallest(lambda t, room, s, n: np.hypot(t, room) * s / np.sqrt(n)),
        "not the quantile of the power alone": smallest(lambda t, room, s, n: room * s / np.sqrt(n)),
        "the scatter, not its square": smallest(lambda t, room, s, n: (t + room) * s**2 / np.sqrt(n)),
        "of as many runs": smallest(lambda t, room, s, n: (t + room) * s),
    },
    "what_pairing_saves": {
        "the scatter of a sample: n - 1 below": lambda x, y: saved(x, y, ddof=0),
        "both variances by n - 1": unequal_divisors,
        "variances add, not scatters": lambda x, y: saved(x, y, join=lambda one, two: (one + two) ** 2),
        "the two scatters are not alike": lambda x, y: saved(x, y, join=lambda one, two: 2 * one**2),
        "neither scatter alone": lambda x, y: saved(x, y, join=lambda one, two: two**2),
        "runs, which go with the square": lambda x, y: saved(x, y, power=1),
        "how many times as many, not as few": lambda x, y: saved(x, y, power=-2),
        "runs of each loss, not of both": lambda x, y: saved(x, y, times=2),
        "a factor, not the runs added": lambda x, y: (saved(x, y)[0], saved(x, y)[1] - 1),
        "run by run, not in order of size": lambda x, y: saved(np.sort(x), np.sort(y)),
        "the standard deviation, not the variance": lambda x, y: (saved(x, y)[0] ** 2, saved(x, y)[1]),
        "of the differences, not of their mean": lambda x, y: (saved(x, y)[0] / np.sqrt(len(x)), saved(x, y)[1]),
        "the scatter first": lambda x, y: saved(x, y)[::-1],
        "two numbers": lambda x, y: saved(x, y)[:1],
    },
}
