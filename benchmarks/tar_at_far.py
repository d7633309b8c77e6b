"""TAR at six FARs over as many comparisons as IJB-C 1:1 has, against reading scikit-learn's roc_curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

from benchmarks.comparison import interleaved, spread
from benchmarks.memory import peak_memory
from benchmarks.record import write_record
from course_lib.evaluation import tars_at_fars

NAME = "tar_at_far"
SEED = 0
FARS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
THEIRS, OURS = "roc_curve", "tars_at_fars"

Points = list[tuple[float, float, float]]  # TAR, FAR reached, threshold


def main() -> dict[str, Any]:
    """Measure at the promised size, and write the record."""
    figures = measure(n_genuine=19_557, n_impostor=15_638_932, rounds=5)
    write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def measure(n_genuine: int, n_impostor: int, rounds: int) -> dict[str, Any]:
    """Time and peak memory of both on the same scores, and whether they give the same values."""
    pairs = scored_pairs(n_genuine, n_impostor)
    race = interleaved({name: lambda run=run: run(*pairs) for name, run in CONTESTANTS.items()}, rounds)
    values = {name: run(*pairs) for name, run in CONTESTANTS.items()}
    peaks = {name: peak_memory(prepare, name, n_genuine, n_impostor).beyond for name in CONTESTANTS}
    what = f"{n_genuine + n_impostor:,} scores, {len(FARS)} FARs: "
    return {
        "settings": {"n_genuine": n_genuine, "n_impostor": n_impostor, "fars": list(FARS), "dtype": "float64"},
        "others_cpu_percent": race.others_percent,
        "seconds": {name: [round(value, 3) for value in times] for name, times in race.seconds.items()},
        "peak_bytes": peaks,
        "tar": [round(tar, 5) for tar, _, _ in values[OURS]],
        "comparisons": [
            race.ratio(f"{what}{THEIRS} / {OURS}, time", THEIRS, OURS, target=30.0).plain(),
            spread(
                f"{what}{OURS} / {THEIRS}, peak memory", [peaks[OURS] / peaks[THEIRS]], target=1.0, at_least=False
            ).plain(),
            spread(
                "TAR, FAR reached and threshold, largest difference",
                [float(np.abs(np.subtract(values[OURS], values[THEIRS])).max())],
                target=0.0,
                at_least=False,
                unit="",
            ).plain(),
        ],
    }


def scored_pairs(n_genuine: int, n_impostor: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores (P,) float64 of pairs in a random order and same (P,) bool; rounded to float32, so that many are equal."""
    generator = np.random.default_rng(SEED)
    same = generator.permutation(np.arange(n_genuine + n_impostor) < n_genuine)
    scores = generator.normal(0.0, 0.06, len(same))
    scores[same] = generator.normal(0.45, 0.13, n_genuine)
    return scores.astype(np.float32).astype(np.float64), same


def theirs(scores: np.ndarray, same: np.ndarray) -> Points:
    """The strict reading, the last point whose FAR is not above the target, which needs every point of the curve."""
    far, tar, thresholds = roc_curve(same, scores, drop_intermediate=False)
    points = [int(np.searchsorted(far, target, side="right")) - 1 for target in FARS]
    return [(float(tar[point]), float(far[point]), float(thresholds[point])) for point in points]


def ours(scores: np.ndarray, same: np.ndarray) -> Points:
    """The same from the library."""
    return [(point.tar, point.far_achieved, point.threshold) for point in tars_at_fars(scores, same, FARS)]


CONTESTANTS: dict[str, Callable[[np.ndarray, np.ndarray], Points]] = {THEIRS: theirs, OURS: ours}


def prepare(name: str, n_genuine: int, n_impostor: int) -> Callable[[], Points]:
    """One contestant with the scores that it works on."""
    pairs = scored_pairs(n_genuine, n_impostor)
    return lambda: CONTESTANTS[name](*pairs)
