"""Face verification: from scores to everything a paper would report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from course_lib.evaluation.curves import Eer, Roc, eer, roc
from course_lib.evaluation.intervals import Interval
from course_lib.evaluation.kfold import KFoldAccuracy, kfold_accuracy
from course_lib.evaluation.operating_points import TarAtFar, tars_at_fars


@dataclass(frozen=True, eq=False)
class Verification:
    """Metrics of one set of scored pairs; `print` shows them in per cent with their intervals."""

    accuracy: KFoldAccuracy
    roc: Roc
    eer: Eer
    tar_at_far: tuple[TarAtFar, ...]
    n_genuine: int
    n_impostor: int
    confidence: float

    def __repr__(self) -> str:
        rates = f"accuracy {100 * self.accuracy.mean:.1f} %, EER {100 * self.eer.rate:.1f} %"
        return f"Verification({rates}; {self.n_genuine:,} genuine and {self.n_impostor:,} impostor pairs)"

    def summary(self) -> str:
        """The metrics as a small table of text, in per cent."""
        accuracy, folds = self.accuracy, len(self.accuracy.per_fold)
        rows = [
            f"{self.n_genuine:,} genuine and {self.n_impostor:,} impostor pairs, {100 * self.confidence:g} % intervals",
            _row(f"accuracy, {folds} folds", accuracy.mean, accuracy.interval) + f"  std {100 * accuracy.std:.2f}",
            _row("EER", self.eer.rate),
        ]
        for point in self.tar_at_far:
            label = f"TAR at FAR {100 * point.far_target:g} %"
            if point.resolved:
                rows.append(_row(label, point.tar, point.interval) + f"  FAR reached {100 * point.far_achieved:.3g} %")
            else:
                step = f"one impostor pair is {100 / self.n_impostor:.2g} %"
                rows.append(f"{label:<20}  not resolved: {step}")
        return "\n".join(rows)

    __str__ = summary


def _row(label: str, share: float, interval: Interval | None = None) -> str:
    bounds = f"  [{100 * interval.low:6.2f}, {100 * interval.high:6.2f}]" if interval else ""
    return f"{label:<20}  {100 * share:6.2f} %{bounds}"


def verification(
    scores: ArrayLike,
    same: ArrayLike,
    n_folds: int = 10,
    fars: Sequence[float] = (0.1, 0.01, 0.001),
    confidence: float = 0.95,
) -> Verification:
    """K-fold accuracy, ROC, EER and TAR at each of `fars`, of scores (P,) float and same (P,) bool.

    A pair is accepted when score >= threshold. Errors are those of `roc`, `kfold_accuracy` and `tar_at_far`.
    """
    n_genuine = int(np.sum(same))
    return Verification(
        accuracy=kfold_accuracy(scores, same, n_folds, confidence),
        roc=roc(scores, same),
        eer=eer(scores, same),
        tar_at_far=tars_at_fars(scores, same, fars, confidence),
        n_genuine=n_genuine,
        n_impostor=len(np.asarray(same)) - n_genuine,
        confidence=confidence,
    )
