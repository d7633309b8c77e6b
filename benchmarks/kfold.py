"""Ten-fold accuracy of as many pairs as LFW has: exact thresholds against the usual loop over 400 of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import KFold

from benchmarks.comparison import interleaved, spread
from benchmarks.record import write_record
from course_lib.evaluation import kfold_accuracy

NAME = "kfold"
SEED = 0
FOLDS = 10
STEP = 0.01
GRID = np.arange(0, 4, STEP)  # squared distances of unit vectors
THEIRS, OURS = "loop over 400 thresholds", "kfold_accuracy"


@dataclass(frozen=True, eq=False)
class Folds:
    """What a loop over thresholds finds in each fold."""

    accuracy: np.ndarray  # on the held-out fold
    threshold: np.ndarray
    right: np.ndarray  # how many training pairs the threshold decides rightly


def main() -> dict[str, Any]:
    """Measure at LFW's size, and write the record."""
    figures = measure(pairs_of_a_kind=300, rounds=31)
    write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def measure(pairs_of_a_kind: int, rounds: int) -> dict[str, Any]:
    """Time of both; and the exact thresholds beside every possible one, and beside those of the grid."""
    distances, same = lfw_like(pairs_of_a_kind)
    contestants = {
        THEIRS: lambda: loop(distances, same, lambda _: GRID),
        OURS: lambda: kfold_accuracy(-distances, same, FOLDS),
    }
    grid, ours = (contestant() for contestant in contestants.values())  # the first call loads what it needs
    race = interleaved(contestants, rounds)
    every = loop(distances, same, every_threshold)
    better, close = every.right - grid.right, within_a_step(distances, every.threshold)
    no_more = {"target": 0.0, "at_least": False}
    return {
        "settings": {"pairs": len(same), "folds": FOLDS, "thresholds": len(GRID)},
        "others_cpu_percent": race.others_percent,
        "milliseconds": {name: [round(1e3 * s, 2) for s in times] for name, times in race.seconds.items()},
        "accuracy": {THEIRS: round(float(grid.accuracy.mean()), 5), OURS: round(ours.mean, 5)},
        "training_pairs": {"decided_better_than_by_the_grid": better.tolist(), "within_its_step": close.tolist()},
        "comparisons": [
            race.ratio(f"{len(same):,} pairs: {THEIRS} / {OURS}, time", THEIRS, OURS, target=20.0).plain(),
            spread(
                "accuracy of a fold, largest difference to trying every threshold",
                [float(np.abs(ours.per_fold - every.accuracy).max())],
                unit="",
                **no_more,
            ).plain(),
            spread(
                "threshold of a fold, largest difference to trying every threshold",
                [float(np.abs(-ours.thresholds - every.threshold).max())],
                unit="",
                **no_more,
            ).plain(),
            spread(
                "training pairs decided better than by the grid, beyond those within one step of it",
                (better - close).tolist(),
                unit="pairs",
                **no_more,
            ).plain(),
        ],
    }


def lfw_like(pairs_of_a_kind: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances (P,) of pairs in LFW's order, ten times genuine and then impostor, and same (P,) bool."""
    same = np.tile(np.repeat([True, False], pairs_of_a_kind), FOLDS)
    cosines = np.random.default_rng(SEED).normal(np.where(same, 0.55, 0.05), np.where(same, 0.14, 0.1))
    return 2 - 2 * np.clip(cosines, -1, 1), same


def loop(distances: np.ndarray, same: np.ndarray, thresholds: Callable[[np.ndarray], np.ndarray]) -> Folds:
    """Each fold as public code does it: one threshold after the other, of equally good ones the first, the strictest.

    It does no more than it must: public code counts all four kinds of decisions, and those of the held-out fold at
    every threshold too.
    """
    found = []
    for training, held_out in KFold(FOLDS, shuffle=False).split(distances):
        seen, truth = distances[training], same[training]
        tried = thresholds(seen)
        right = [np.sum((seen < threshold) == truth) for threshold in tried]
        best = int(np.argmax(right))
        found.append((np.mean((distances[held_out] < tried[best]) == same[held_out]), tried[best], right[best]))
    return Folds(*map(np.array, zip(*found, strict=True)))


def every_threshold(distances: np.ndarray) -> np.ndarray:
    """All that decide differently: below all distances, and midway between neighbours."""
    distinct = np.unique(distances)
    return np.concatenate([[-np.inf], distinct[:-1] / 2 + distinct[1:] / 2, [np.inf]])


def within_a_step(distances: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """For each threshold the pairs in the step of the grid that holds it: what no grid of this step can tell apart."""
    low = np.floor(thresholds / STEP)[:, None] * STEP
    return np.sum((distances >= low) & (distances <= low + STEP), axis=1)
