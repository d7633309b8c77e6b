"""Everything that is reported of one model on one list of pairs: as a table, as plain values and as figures."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.data import Excluded, PairCheck, PairedFaces, Pairs, check_pairs
from course_lib.evaluation import (
    Interval,
    ThresholdAtFar,
    Verification,
    cosine_scores,
    threshold_at,
    verification,
)
from course_lib.evaluation.kfold import fold_numbers
from course_lib.export import Runtime
from course_lib.paths import expanded, written_whole
from course_lib.verify.table import squared_l2_at, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FARS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True, eq=False)
class Report:
    """What ``verify`` finds; ``print`` shows it as a table.

    Attributes:
        network, embedding_dim, flip: what embedded the faces, D, and whether mirror images were added.
        pairs: the source of the pairs, and what they are of in words.
        n_faces: photographs.
        alignment: how the faces were made, in words.
        excluded, n_dropped: photographs that were left out, and how many pairs with them.
        check: what is odd about the pairs that are left, which are numbered from 0.
        scores, same: float64 and bool (P,), of the pairs that are left.
        verification: accuracy, ROC, EER and TAR at FARs.
        thresholds: at the same FARs, with their intervals.
    """

    network: str
    embedding_dim: int
    flip: bool
    pairs: str
    n_faces: int
    alignment: str
    excluded: tuple[Excluded, ...]
    n_dropped: int
    check: PairCheck
    scores: np.ndarray
    same: np.ndarray
    verification: Verification
    thresholds: tuple[ThresholdAtFar, ...]

    def __repr__(self) -> str:
        return f"Report({self.network}: {self.verification!r})"

    def __str__(self) -> str:
        """The table: shares in per cent, thresholds as cosine and as squared L2 of unit vectors."""
        return table(self)

    def plain(self) -> dict[str, Any]:
        """Everything but the scores in values that JSON knows; what is infinite is None."""
        found = self.verification
        accuracy = found.accuracy
        return _finite(
            {
                "network": self.network,
                "embedding_dim": self.embedding_dim,
                "flip": self.flip,
                "pairs": self.pairs,
                "genuine": found.n_genuine,
                "impostor": found.n_impostor,
                "photographs": self.n_faces,
                "faces": self.alignment,
                "excluded": [asdict(gone) for gone in self.excluded],
                "pairs_dropped": self.n_dropped,
                "noticed": asdict(self.check),
                "confidence": found.confidence,
                "accuracy": {
                    "mean": accuracy.mean,
                    "std": accuracy.std,
                    "interval": _ends(accuracy.interval),
                    "per_fold": accuracy.per_fold.tolist(),
                    "thresholds": [_both(float(threshold)) for threshold in accuracy.thresholds],
                },
                "eer": {"rate": found.eer.rate, "threshold": _both(found.eer.threshold)},
                "tar_at_far": [
                    {
                        "far": point.far_target,
                        "resolved": point.resolved,
                        "far_achieved": point.far_achieved,
                        "tar": point.tar,
                        "interval": _ends(point.interval),
                        "threshold": _both(at.threshold),
                        "threshold_interval": {
                            "cosine": _ends(at.interval),
                            "squared_l2": [squared_l2_at(at.interval.high), squared_l2_at(at.interval.low)],
                        },
                    }
                    for point, at in zip(found.tar_at_far, self.thresholds, strict=True)
                ],
            }
        )

    def figures(self) -> dict[str, Figure]:
        """Score histogram, ROC and DET by the names of their files."""
        from course_lib.verify.figures import figures  # here, since it loads matplotlib and seaborn

        return figures(self)

    def save(self, folder: Path | str) -> list[Path]:
        """Write ``report.json`` and the figures as PNG into a folder, which is made if need be; the files written.

        Each is there whole or not at all; the numbers come first.
        """
        from course_lib import viz

        folder = expanded(folder)
        numbers = json.dumps(self.plain(), indent=1, allow_nan=False) + "\n"  # in ASCII, which holds any name
        files = [folder / "report.json"]
        with written_whole(files[0]) as unfinished:
            unfinished.write_text(numbers, encoding="utf-8")
        for name, figure in self.figures().items():
            files.append(folder / f"{name}.png")
            with written_whole(files[-1]) as unfinished:
                unfinished.write_bytes(viz.png(figure, dpi=120))
        return files


def verify(
    network: Runtime,
    paired: PairedFaces,
    *,
    flip: bool = True,
    n_folds: int = 10,
    fars: Sequence[float] = FARS,
    confidence: float = 0.95,
    allow: Collection[str] = ("shared",),
    alignment: str = "as they come",
) -> Report:
    """Embed the faces, score the pairs and report.

    Args:
        paired: what ``data.read_bin`` and ``data.read_pairs`` give.
        flip: see ``export.Runtime.embed``.
        n_folds: the published ones are contiguous blocks, see ``evaluation.kfold_accuracy``. Where pairs were left
            out, a block begins that many pairs earlier than published.
        fars: TAR and threshold are reported at each; one below a single impostor pair is marked as not resolved.
        allow: what ``data.check_pairs`` may find in the list without refusing it. Identities in two folds are allowed
            and reported: they make the accuracy somewhat optimistic, since the threshold is chosen on other folds.
        alignment: how the faces were made, for the report.

    Raises:
        ValueError: the list has faults that are not allowed, or fewer pairs of a kind than folds; or what
            ``export.Runtime.embed`` raises.
        RuntimeError: the network's file failed while it ran.
    """
    pairs = paired.pairs
    check_kinds(pairs, paired.faces.source)
    if not fars or not all(0 < far <= 1 for far in fars):
        raise ValueError(f"fars are {list(fars)}; expected at least one, each above 0 and up to 1, such as 0.001")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a share between 0 and 1, such as 0.95")
    folds = fold_numbers(pairs.same, n_folds)
    people = np.array(paired.faces.names)[paired.faces.labels.numpy()]
    check = check_pairs(pairs, people, folds, allow=allow)
    embeddings = network.embed(paired.faces, flip=flip)
    scores = cosine_scores(embeddings, pairs.left, pairs.right)
    return Report(
        network=network.name,
        embedding_dim=embeddings.shape[1],
        flip=flip,
        pairs=paired.faces.source,
        n_faces=len(paired.faces),
        alignment=alignment,
        excluded=paired.excluded,
        n_dropped=paired.n_dropped,
        check=check,
        scores=scores,
        same=pairs.same,
        verification=verification(scores, pairs.same, n_folds, fars, confidence),
        thresholds=tuple(threshold_at(far, scores, pairs.same, confidence) for far in fars),
    )


def check_kinds(pairs: Pairs, source: str) -> None:
    """Refuse pairs that are all of one kind, by ``ValueError``."""
    if pairs.same.all() or not pairs.same.any():
        raise ValueError(f"{source}: all {len(pairs)} pairs are of one kind; expected genuine and impostor")


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _both(cosine: float) -> dict[str, float]:
    return {"cosine": cosine, "squared_l2": squared_l2_at(cosine)}


def _finite(value: Any) -> Any:
    """The same with None for numbers that are not finite, which JSON cannot hold."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
