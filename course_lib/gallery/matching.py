"""Exact search: the person whose templates are most like a face, and the runner-up, by their cosines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SCORES_AT_ONCE = 16_000_000  # 64 MB of cosines
LENGTH_TOLERANCE = 1e-4  # by which a template's length may differ from one; rounding to 32 bits gives less than 1e-7


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each of N faces the nearest person and the second nearest."""

    person: NDArray[np.int64]  # (N,), index into the names
    score: NDArray[np.float32]  # (N,), cosine with the most similar template of that person
    runner_up: NDArray[np.float32]  # (N,), the same for the second person; -inf where there is none

    def __repr__(self) -> str:
        scores = f", scores {self.score.min():.3f} to {self.score.max():.3f}" if len(self.score) else ""
        return f"Nearest({len(self.person):,} faces{scores})"


class Index:
    """All templates in memory, searched with one product for each number of templates that a person has.

    A face is compared with every template; what counts for a person is the most similar of theirs. Nothing is
    approximated.

    Args:
        names: of the people.
        owners: (T,) int, whose each template is: 0..len(names)-1, at least one of each.
        templates: (T, D) of length one, see ``unit_length``.

    Raises:
        ValueError: there is nobody, lengths disagree, or somebody has no template, or one that is not of length one.
    """

    def __init__(self, names: Sequence[str], owners: NDArray[np.integer], templates: NDArray[np.float32]) -> None:
        owners = np.asarray(owners)
        if not names or not 0 < len(owners) == len(templates) or not 0 <= owners.min() <= owners.max() < len(names):
            raise ValueError(f"{len(templates)} templates of {len(owners)} owners and {len(names)} names do not match")
        counts = np.bincount(owners, minlength=len(names))
        if not counts.all():
            raise ValueError(f"{names[int(counts.argmin())]!r} has no template; expected at least one a person")
        broken = not_of_length_one(templates)
        if len(broken):
            raise ValueError(
                f"template {broken[0]}, of {names[owners[broken[0]]]!r}, is not finite, or not of length one; see "
                "unit_length()"
            )
        by_owner, first = np.argsort(owners, kind="stable"), np.cumsum(counts) - counts
        people = np.argsort(-counts, kind="stable")
        self.names = tuple(names[person] for person in people)
        # The first template of everyone, the second of those who have two, ...: whoever has more comes first, so each
        # block belongs to the first people, and the best of all templates is a running maximum of whole rows.
        self.blocks = [
            np.ascontiguousarray(templates[by_owner[first[people[: np.count_nonzero(counts > number)]] + number]])
            for number in range(counts.max())
        ]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n_templates(self) -> int:
        """Of all people."""
        return sum(map(len, self.blocks))

    def own(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Every template (T, D), and whose it is (T,), as an index into ``names``."""
        return np.concatenate(self.blocks), np.concatenate([np.arange(len(block)) for block in self.blocks])

    def nearest(self, faces: NDArray[np.float32], other_than: NDArray[np.integer] | None = None) -> Nearest:
        """Search everyone for each face (N, D) of length one, or everyone but one person each, ``other_than`` (N,)."""
        found = Nearest(np.empty(len(faces), np.int64), *np.empty((2, len(faces)), np.float32))
        step = max(1, SCORES_AT_ONCE // len(self))
        for start in range(0, len(faces), step):
            portion = slice(start, start + step)
            scores = faces[portion] @ self.blocks[0].T
            for block in self.blocks[1:]:
                np.maximum(scores[:, : len(block)], faces[portion] @ block.T, out=scores[:, : len(block)])
            rows = np.arange(len(scores))
            if other_than is not None:
                scores[rows, other_than[portion]] = -np.inf
            person = scores.argmax(axis=1)
            found.person[portion], found.score[portion] = person, scores[rows, person]
            scores[rows, person] = -np.inf
            found.runner_up[portion] = scores.max(axis=1)
        return found


def unit_length(embeddings: ArrayLike) -> NDArray[np.float32]:
    """Embeddings (N, D) scaled to length one, so that their products are cosines.

    Raises:
        ValueError: another shape, no embedding, or one that is zero or not finite; its index is named.
    """
    rows = np.asarray(embeddings, np.float64)
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"embeddings have shape {rows.shape}; expected (N, D) with at least one of each")
    norms = np.linalg.norm(rows, axis=1)
    broken = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if len(broken):
        raise ValueError(f"embedding {broken[0]} has length {norms[broken[0]]}; expected finite numbers, not all zero")
    return (rows / norms[:, None]).astype(np.float32)


def not_of_length_one(templates: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which of the templates (T, D) are not finite, or have another length than one, ``LENGTH_TOLERANCE`` aside."""
    lengths = np.sqrt(np.einsum("td,td->t", templates, templates))
    return np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))  # nor is NaN
