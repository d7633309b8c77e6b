"""Identification: whose gallery entries are most like a probe, in the closed set and with strangers among the probes.

An identity is an integer of at least 0, or NOBODY (-1): an entry that is a distractor, or a probe who is a stranger.
A mate of a probe is a gallery entry of the same identity; of several mates the most similar one counts. Ties count
against the probe: an entry of another identity that is as similar as the best mate comes before it. Cosines are
float32, and two that differ by less than TIE are a tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.evaluation._checks import check_far
from course_lib.evaluation._unit import unit_rows
from course_lib.evaluation.intervals import Interval, wilson
from course_lib.evaluation.operating_points import accepted_at

NOBODY = -1
TIE = 1e-6  # a few times the rounding of a float32 product of unit vectors
BLOCK = 4096  # probes and gallery entries multiplied at a time: 64 MB of cosines


@dataclass(frozen=True)
class RankK:
    """Share of probes that have a mate among the `rank` most similar gallery entries."""

    rank: int
    rate: float
    interval: Interval  # Wilson interval of rate
    n_probes: int
    n_gallery: int


@dataclass(frozen=True, eq=False)
class Cmc:
    """Cumulative match characteristic: the rank-k rate at every k."""

    rates: NDArray[np.float64]  # (n_gallery,), rates[k - 1] at rank k, does not decrease
    rank_of_probe: NDArray[np.int64]  # (n_probes,), place of the best mate among all entries, from 1
    n_distractors: int  # gallery entries that are NOBODY

    def __repr__(self) -> str:
        of = f"{len(self.rank_of_probe):,} probes, {len(self.rates):,} entries"
        return f"Cmc(rank 1 {100 * self.rates[0]:.1f} %; {of}, {self.n_distractors:,} of them distractors)"

    def at(self, rank: int, confidence: float = 0.95) -> RankK:
        """The rate at one rank with its interval; ValueError outside 1..n_gallery."""
        if not 1 <= rank <= len(self.rates):
            raise ValueError(f"rank must lie between 1 and the {len(self.rates)} gallery entries, got {rank}.")
        found, n_probes = int(np.sum(self.rank_of_probe <= rank)), len(self.rank_of_probe)
        return RankK(int(rank), found / n_probes, wilson(found, n_probes, confidence), n_probes, len(self.rates))


@dataclass(frozen=True)
class DirAtFar:
    """Detection and identification rate at the largest false alarm rate that does not exceed the target."""

    dir: float  # TPIR: share of mated probes whose best mate is first and scores at least the threshold
    far_target: float
    far_achieved: float  # FPIR: share of non-mated probes for whom any entry scores at least the threshold
    threshold: float  # cosine, +inf when every threshold that accepts anything exceeds the target
    interval: Interval  # Wilson interval of dir
    resolved: bool  # False when far_target < 1 / n_non_mated
    n_mated: int
    n_non_mated: int


def cmc(probes: ArrayLike, probe_labels: ArrayLike, gallery: ArrayLike, gallery_labels: ArrayLike) -> Cmc:
    """CMC of probes (P, D) float with labels (P,) int against gallery (G, D) with labels (G,): the closed set.

    The cosines are computed a block at a time, so beyond the arguments it takes about 0.2 GB however large they are.
    Raises ValueError for an embedding that is zero or not finite, no probe or no entry, dimensions or lengths that do
    not match, labels below -1, or probes without a mate (they are counted and the first named); TypeError for labels
    that are not integers. Source: Grother, Ngan and Hanaoka, "Face Recognition Vendor Test Part 2: Identification",
    NIST IR 8271, 2019, performance metrics.
    """
    probes, probe_labels, gallery, gallery_labels = _checked(probes, probe_labels, gallery, gallery_labels)
    alone = np.flatnonzero(~_has_mate(probe_labels, gallery_labels))
    if len(alone):
        raise ValueError(
            f"{len(alone)} of {len(probes)} probes have no mate in the gallery, the first is probe {alone[0]} of "
            f"identity {probe_labels[alone[0]]}; a closed set has none: leave them out, or use open_set."
        )
    ranks = _search(probes, probe_labels, gallery, gallery_labels).rank
    rates = np.cumsum(np.bincount(ranks, minlength=len(gallery) + 1)[1:]) / len(probes)
    return Cmc(rates, ranks, int(np.sum(gallery_labels == NOBODY)))


def rank_k(
    probes: ArrayLike,
    probe_labels: ArrayLike,
    gallery: ArrayLike,
    gallery_labels: ArrayLike,
    ranks: Sequence[int] = (1, 5, 20),
    confidence: float = 0.95,
) -> tuple[RankK, ...]:
    """Rank-k rates of the closed set, one for each of `ranks`, with intervals; inputs and errors are those of `cmc`."""
    curve = cmc(probes, probe_labels, gallery, gallery_labels)
    return tuple(curve.at(rank, confidence) for rank in ranks)


def open_set(
    probes: ArrayLike,
    probe_labels: ArrayLike,
    gallery: ArrayLike,
    gallery_labels: ArrayLike,
    fars: Sequence[float] = (0.1, 0.01),
    confidence: float = 0.95,
) -> tuple[DirAtFar, ...]:
    """DIR at each false alarm rate of `fars` in (0, 1], where probes may be of people who are not in the gallery.

    The threshold is the lowest score that keeps the rate among the best scores of the non-mated probes; a score equal
    to it is accepted. Inputs and errors are those of `cmc`, except that probes without a mate are needed here: raises
    ValueError when all or none of them have one. Source: as for `cmc`, its TPIR at rank 1 over FPIR.
    """
    for far in fars:
        check_far(far)
    probes, probe_labels, gallery, gallery_labels = _checked(probes, probe_labels, gallery, gallery_labels)
    mated = _has_mate(probe_labels, gallery_labels)
    if mated.all() or not mated.any():
        kind = "without a mate" if mated.all() else "with a mate"
        raise ValueError(f"There is no probe {kind} in the gallery among {len(probes)}; open_set needs both kinds.")
    found = _search(probes, probe_labels, gallery, gallery_labels)
    first = found.best_mate[mated & (found.rank == 1)].astype(np.float64)
    stranger = found.best_other[~mated].astype(np.float64)
    n_mated = int(mated.sum())
    return tuple(
        DirAtFar(
            dir=detected / n_mated,
            far_target=float(far),
            far_achieved=alarms / len(stranger),
            threshold=threshold,
            interval=wilson(detected, n_mated, confidence),
            resolved=bool(far >= 1 / len(stranger)),
            n_mated=n_mated,
            n_non_mated=len(stranger),
        )
        for far, (threshold, detected, alarms) in zip(fars, accepted_at(fars, first, stranger), strict=True)
    )


@dataclass(frozen=True, eq=False)
class _Search:
    best_mate: NDArray[np.float32]  # (P,) cosine, -inf for a probe without a mate
    best_other: NDArray[np.float32]  # (P,) highest cosine with an entry that is no mate, -inf where all are
    rank: NDArray[np.int64]  # (P,) one more than the entries that come before the best mate


def _search(probes: NDArray, probe_labels: NDArray, gallery: NDArray, gallery_labels: NDArray) -> _Search:
    """Compare every probe with every entry, a block at a time, and keep no more than three numbers a probe."""
    best_mate = _best_mates(probes, probe_labels, gallery, gallery_labels)
    found = _Search(best_mate, np.full_like(best_mate, -np.inf), np.ones(len(probes), dtype=np.int64))
    limit = np.where(np.isneginf(best_mate), np.inf, best_mate - TIE)  # entries from here on come before the best mate
    memory = np.empty(min(BLOCK, len(probes)) * min(BLOCK, len(gallery)), dtype=np.float32)
    for rows in _blocks(len(probes)):
        units, best_other, rank = unit_rows("probes", probes, rows), found.best_other[rows], found.rank[rows]
        for columns in _blocks(len(gallery)):
            entries = unit_rows("gallery", gallery, columns)
            cosines = memory[: len(units) * len(entries)].reshape(len(units), len(entries))
            np.matmul(units, entries.T, out=cosines)
            _hide_mates(cosines, probe_labels[rows], gallery_labels[columns])
            best = cosines.max(axis=1)
            np.maximum(best_other, best, out=best_other)
            behind = np.flatnonzero(best >= limit[rows])  # few: most probes find nothing better in most blocks
            better = cosines[behind] >= limit[rows][behind, None]
            rank[behind] += np.bitwise_count(np.packbits(better, axis=1)).sum(axis=1, dtype=np.int64)
    return found


def _hide_mates(cosines: NDArray, probe_labels: NDArray, gallery_labels: NDArray) -> None:
    """Set the cosines (n, m) of mates to -inf: of every probe the first one, then the second, and so on."""
    by_label = np.argsort(gallery_labels, kind="stable")
    start, end = (np.searchsorted(gallery_labels[by_label], probe_labels, side) for side in ("left", "right"))
    n_mates = np.where(probe_labels == NOBODY, 0, end - start)
    for nth in range(n_mates.max()):
        rows = np.flatnonzero(n_mates > nth)
        cosines[rows, by_label[start[rows] + nth]] = -np.inf


def _blocks(n: int) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]


def _best_mates(probes: NDArray, probe_labels: NDArray, gallery: NDArray, gallery_labels: NDArray) -> NDArray:
    """Cosine (P,) float32 of each probe with its most similar mate, -inf without one; one identity at a time."""
    best = np.full(len(probes), -np.inf, dtype=np.float32)
    by_label = np.argsort(gallery_labels, kind="stable")
    sorted_labels = gallery_labels[by_label]
    rows_by_label = np.argsort(probe_labels, kind="stable")
    borders = np.flatnonzero(np.diff(probe_labels[rows_by_label])) + 1
    for rows in np.split(rows_by_label, borders):
        label = probe_labels[rows[0]]
        if label == NOBODY:
            continue
        mates = by_label[slice(*np.searchsorted(sorted_labels, [label, label + 1]))]
        for some, others in product(*([part[block] for block in _blocks(len(part))] for part in (rows, mates))):
            cosines = unit_rows("probes", probes, some) @ unit_rows("gallery", gallery, others).T
            best[some] = np.maximum(best[some], cosines.max(axis=1))
    return best


def _has_mate(labels: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Whether each of labels (N,) is an identity that is also among others (M,)."""
    return np.isin(labels, others) & (labels != NOBODY)


def _checked(
    probes: ArrayLike, probe_labels: ArrayLike, gallery: ArrayLike, gallery_labels: ArrayLike
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """The arguments as arrays of matching shapes; embeddings keep their dtype, since a copy may not fit in memory."""
    checked = []
    for name, embeddings, labels in (("probe", probes, probe_labels), ("gallery", gallery, gallery_labels)):
        plural = "probes" if name == "probe" else name
        embeddings, labels = np.asarray(embeddings), np.asarray(labels)
        if embeddings.ndim != 2 or 0 in embeddings.shape:
            raise ValueError(f"{plural} must be (N, D) with N and D of at least 1, got shape {embeddings.shape}.")
        if not np.issubdtype(labels.dtype, np.integer):
            raise TypeError(f"{name}_labels must hold integers, got {labels.dtype}.")
        if labels.shape != (len(embeddings),):
            raise ValueError(f"{name}_labels must be one per embedding, got {labels.shape} for {len(embeddings)}.")
        if labels.min() < NOBODY:
            raise ValueError(f"{name}_labels hold {labels.min()}; expected identities from 0, or {NOBODY} for nobody.")
        checked += [embeddings, labels.astype(np.int64, copy=False)]
    if checked[0].shape[1] != checked[2].shape[1]:
        raise ValueError(f"probes have {checked[0].shape[1]} dimensions, the gallery {checked[2].shape[1]}.")
    return tuple(checked)
