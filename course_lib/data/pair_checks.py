"""What can be wrong with a list of pairs before any score is looked at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields

import numpy as np

from course_lib.data.pairs import Pairs


@dataclass(frozen=True)
class PairCheck:
    """What was found, by pair numbers that count from 0.

    Attributes:
        duplicates: groups of pairs that compare the same two images, in either order.
        itself: pairs of an image with itself.
        contradictions: pairs whose ``same`` is not what the identities say.
        shared: identities that have images in more than one fold.
    """

    duplicates: tuple[tuple[int, ...], ...]
    itself: tuple[int, ...]
    contradictions: tuple[int, ...]
    shared: tuple[int | str, ...]

    def __repr__(self) -> str:
        counts = (f"{field.name} {len(getattr(self, field.name)):,}" for field in fields(self))
        return f"PairCheck({', '.join(counts)})"

    def __str__(self) -> str:
        """What was found, in words; "nothing" where the list is clean."""
        return (
            "; ".join(_in_words(field.name, found) for field in fields(self) if (found := getattr(self, field.name)))
            or "nothing"
        )


WORDS = {
    "duplicates": "group(s) of pairs that compare the same two images",
    "itself": "pair(s) of an image with itself",
    "contradictions": "pair(s) whose label contradicts the identities",
    "shared": "identities in more than one fold",
}
SHOWN, LONGEST = 5, 100  # of what is found, and characters of a name


def check_pairs(
    pairs: Pairs,
    identities: np.ndarray | None = None,
    folds: np.ndarray | None = None,
    *,
    allow: Collection[str] = (),
) -> PairCheck:
    """Look for pairs that come twice, pairs of one image, labels that cannot be, and identities in two folds.

    Args:
        identities: (N,) of the images, numbers or names. By default what the genuine pairs tell, see
            ``linked_people``: it misses that two groups of linked images are one person, so it finds at most as much as
            the true identities would.
        folds: (P,) the fold, or the split, of each pair; None looks for no identity in two of them.
        allow: names of ``PairCheck``'s fields that are to be found and no more.

    Raises:
        ValueError: something is found that is not allowed; the message names the first few. Or ``allow`` holds
            another word, or a length is wrong.
    """
    if unknown := set(allow) - set(WORDS):
        raise ValueError(f"allow holds {sorted(unknown)}; expected some of {', '.join(WORDS)}")
    n_images = int(max(pairs.left.max(initial=-1), pairs.right.max(initial=-1))) + 1
    people = linked_people(pairs, n_images) if identities is None else np.asarray(identities)
    if len(people) < n_images:
        raise ValueError(f"there are {len(people)} identities, but the pairs name image {n_images - 1}; one an image")
    said_same = people[pairs.left] == people[pairs.right]
    found = PairCheck(
        duplicates=_duplicates(pairs),
        itself=_numbers(pairs.left == pairs.right),
        contradictions=_numbers(said_same != pairs.same if identities is not None else said_same & ~pairs.same),
        shared=() if folds is None else _shared(pairs, people, np.asarray(folds)),
    )
    refused = [_in_words(name, getattr(found, name)) for name in WORDS if name not in allow and getattr(found, name)]
    if refused:
        raise ValueError(f"{'; '.join(refused)}. Mend the list, or allow it by name: {', '.join(WORDS)}")
    return found


def linked_people(pairs: Pairs, n_images: int) -> np.ndarray:
    """Who the images show as far as the genuine pairs tell: (N,) int64, one number for all that such pairs link.

    Two numbers may still be one person, whom no genuine pair links.
    """
    from scipy.sparse import coo_array  # here, since the import is slow
    from scipy.sparse.csgraph import connected_components

    left, right = pairs.left[pairs.same], pairs.right[pairs.same]
    links = coo_array((np.ones(len(left), dtype=bool), (left, right)), shape=(n_images, n_images))
    return connected_components(links, directed=False)[1].astype(np.int64)


def _duplicates(pairs: Pairs) -> tuple[tuple[int, ...], ...]:
    both = np.sort(np.stack([pairs.left, pairs.right], axis=1), axis=1)
    _, group, counts = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    repeated = np.flatnonzero(counts[group] > 1)
    groups: dict[int, list[int]] = {}
    for pair in repeated.tolist():
        groups.setdefault(int(group[pair]), []).append(pair)
    return tuple(map(tuple, groups.values()))


def _shared(pairs: Pairs, people: np.ndarray, folds: np.ndarray) -> tuple[int | str, ...]:
    if folds.shape != pairs.same.shape:
        raise ValueError(f"folds have shape {folds.shape}; expected {pairs.same.shape}, one a pair")
    identities, who = np.unique(np.concatenate([people[pairs.left], people[pairs.right]]), return_inverse=True)
    memberships = np.unique(np.stack([who, np.tile(folds, 2)], axis=1), axis=0)
    n_folds = np.bincount(memberships[:, 0])
    return tuple(identities[n_folds > 1].tolist())


def _numbers(flags: np.ndarray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(flags).tolist())


def _in_words(name: str, found: tuple[int | str | tuple[int, ...], ...]) -> str:
    shown = [_group(one) if isinstance(one, tuple) else str(one)[:LONGEST] for one in found[:SHOWN]]
    return f"{name}: {len(found)} {WORDS[name]} ({', '.join(shown)}{', ...' if len(found) > SHOWN else ''})"


def _group(pairs: tuple[int, ...]) -> str:
    more = len(pairs) - SHOWN
    return " and ".join(map(str, pairs[:SHOWN])) + (f" and {more:,} more" if more > 0 else "")
