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


def found(n, scatter, t=stats.t, first=0.975, second=0.8, lost=1, root=np.sqrt):
    """The right difference, with one part of it exchanged."""
    return (t.ppf(first, n - lost) + t.ppf(second, n - lost)) * scatter / root(n)


class Normal:
    """The normal quantile, whatever the degrees of freedom."""

    @staticmethod
    def ppf(share, degrees):
        return stats.norm.ppf(share)


MUTANTS = {
    "nearest_share": {
        "another photograph, not itself": with_itself,
        "the length of an embedding does not count": longest_wins,
        "the cosine, not the distance": by_distance,
        "a share, not a number": number_of_them,
        "of photographs, not of people": people_alike,
        "people with a single photograph count": without_the_single_ones,
        "the nearest alone": any_of_two,
        "the highest cosine, not the lowest": farthest,
    },
    "smallest_difference": {
        "Student's quantiles, not normal ones": lambda n, s: found(n, s, t=Normal),
        "n - 1 degrees of freedom": lambda n, s: found(n, s, lost=0),
        "an interval of 95 %, so 0.975 on one side": lambda n, s: found(n, s, first=0.95),
        "eight of ten cases, not every second": lambda n, s: found(n, s, second=0.5),
        "eight of ten cases, not nine": lambda n, s: found(n, s, second=0.9),
        "the root of n": lambda n, s: found(n, s, root=float),
        "the scatter of single differences counts": lambda n, s: found(n, 1.0),
        "the scatter, not its square": lambda n, s: found(n, s**2),
        "both quantiles together": lambda n, s: (found(n, s, second=0.5) ** 2 + found(n, s, first=0.5) ** 2) ** 0.5,
    },
}
