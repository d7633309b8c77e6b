"""Pairs of images for verification: do both show the same person?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """P pairs of images: indices ``left``, ``right`` (P,) int64 into an image set, and ``same`` (P,) bool."""

    left: np.ndarray
    right: np.ndarray
    same: np.ndarray

    def __len__(self) -> int:
        return len(self.same)

    def __repr__(self) -> str:
        genuine = f", {100 * self.same.mean():.3g} % genuine" if len(self) else ""
        return f"Pairs({len(self):,} pairs{genuine})"


def verification_pairs(labels: Tensor | np.ndarray, n: int, *, seed: int = 0) -> Pairs:
    """Draw ``n`` distinct pairs, half of the same identity and half of different ones, in a random order.

    No pair comes twice, in either direction, and no image is paired with itself. The same labels, n and seed give the
    same pairs. Genuine pairs are drawn evenly from all that exist, so people with many images weigh more; so do
    impostor pairs.

    Args:
        labels: (N,) int identities.
        n: how many pairs, even.

    Raises:
        ValueError: n is odd or not positive, or the labels do not allow so many pairs (the message says how many).
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels are {labels.dtype} of shape {labels.shape}; expected integers of shape (N,)")
    if n < 2 or n % 2:
        raise ValueError(f"n is {n}; expected an even number of at least 2, half genuine and half impostor")
    rng = np.random.default_rng(seed)
    genuine = _draw_genuine(labels, n // 2, rng)
    impostor = _draw_impostor(labels, n // 2, rng)
    both = np.concatenate([genuine, impostor])
    same = np.arange(n) < n // 2
    order = rng.permutation(n)
    return Pairs(both[order, 0], both[order, 1], same[order])


def _draw_genuine(labels: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) pairs of the same identity, from a list of all of them: it is short, since identities are small."""
    blocks = []
    for label in np.unique(labels):
        images = np.flatnonzero(labels == label)
        first, second = np.triu_indices(len(images), k=1)
        blocks.append(np.stack([images[first], images[second]], axis=1))
    every = np.concatenate(blocks)
    if len(every) < n:
        raise ValueError(
            f"only {len(every)} genuine pairs exist, {n} are asked for; an identity with one image has none. "
            "Ask for fewer"
        )
    return every[rng.choice(len(every), n, replace=False)]


def _draw_impostor(labels: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) pairs of different identities, drawn and redrawn rather than listed: their number grows with N squared."""
    counts = np.unique(labels, return_counts=True)[1].astype(np.int64)
    available = (len(labels) ** 2 - int((counts**2).sum())) // 2
    if available < n:
        raise ValueError(f"only {available} impostor pairs exist, {n} are asked for. Ask for fewer")
    chosen: dict[tuple[int, int], None] = {}  # a dict keeps the order of insertion, a set would not
    while len(chosen) < n:
        drawn = np.sort(rng.integers(len(labels), size=(2 * n, 2)), axis=1)
        drawn = drawn[labels[drawn[:, 0]] != labels[drawn[:, 1]]]
        chosen.update(dict.fromkeys(map(tuple, drawn.tolist())))
    return np.array(list(chosen)[:n], dtype=np.int64)
