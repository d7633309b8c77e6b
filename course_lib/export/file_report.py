"""What exported files cost and what they are worth, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from course_lib.cost import Latency, latency
from course_lib.data import PairedFaces, Pairs, normalise
from course_lib.evaluation import KFoldAccuracy, cosine_scores, kfold_accuracy
from course_lib.evaluation.kfold import fold_numbers
from course_lib.export.budget import Verdict, judge
from course_lib.export.runtime import Runtime
from course_lib.paths import expanded

if TYPE_CHECKING:
    from pandas import DataFrame

MAY_BE_UNKNOWN = ACTIVATIONS, ARENA = "activation bytes", "arena bytes"
# One kind of measure: name of the file -> its value, (low, middle, high), or None where it is not known.
Panel = dict[str, "float | tuple[float, float, float] | None"]


@dataclass(frozen=True, eq=False)
class FileReport:
    """One file.

    Attributes:
        name: of the file, in the report.
        bytes: on disk.
        peak_activation_bytes, arena_bytes: see ``Runtime``; None where they cannot be told.
        latency: of one face, one at a time.
        cosine: mean cosine of its embeddings to those of the first file, over all faces.
        accuracy: of verification, over folds, each with a threshold that was chosen on the others.
        accuracy_at_first: the same with the thresholds of the first file: what is had if they are not chosen again.
    """

    name: str
    bytes: int
    peak_activation_bytes: int | None
    arena_bytes: int | None
    latency: Latency
    cosine: float
    accuracy: KFoldAccuracy
    accuracy_at_first: float

    def __repr__(self) -> str:
        rates = f"accuracy {100 * self.accuracy.mean:.1f} %, cosine {self.cosine:.3f}"
        return f"FileReport({self.name}: {self.bytes:,} bytes, {self.latency.minimum:.3g} ms, {rates})"

    @property
    def threshold(self) -> float:
        """The mean of the folds' thresholds, a cosine."""
        return float(self.accuracy.thresholds.mean())

    def fits(self, budget: str | int, *, including_weights: bool) -> Verdict:
        """Whether the network runs within so much memory, and why.

        The activations are the device's arena where it is known, and the peak of all that lives at once otherwise.

        Args:
            budget: such as ``"2MB"``, or bytes.
            including_weights: whether the weights, that is the whole file, must fit into it too. On a microcontroller
                they often stay in flash memory, and only activations take RAM; on a computer both take RAM.

        Raises:
            ValueError: the budget is no size, or the activations of such a file cannot be told.
        """
        activations = self.arena_bytes if self.arena_bytes is not None else self.peak_activation_bytes
        if activations is None:
            raise ValueError(f"{self.name} does not tell what its activations take; report the network's ONNX file")
        return judge(budget, activations, self.bytes if including_weights else None)


ON_DISK, AT_ONCE = "on disk", "of activations at once"


class Report(Mapping[str, FileReport]):
    """The files by name: ``print`` shows a table, ``viz.bars(report.panels(), unit=report.UNITS, title=…)`` bars."""

    UNITS = dict.fromkeys((ON_DISK, AT_ONCE), "kilobytes")  # both on one axis

    def __init__(self, files: Sequence[FileReport], pairs: str) -> None:
        self._files, self.pairs = {file.name: file for file in files}, pairs

    def __getitem__(self, name: str) -> FileReport:
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __str__(self) -> str:
        table = self.table().astype(object).fillna("-")
        return f"{table.to_string(index=False)}\n{self.pairs}"

    def table(self) -> DataFrame:
        """One row a file; accuracies in per cent, milliseconds a face. What is not known is ``pandas.NA``."""
        import pandas

        return pandas.DataFrame([_row(file) for file in self.values()]).astype(dict.fromkeys(MAY_BE_UNKNOWN, "Int64"))

    def panels(self) -> dict[str, Panel]:
        """The figure's panels, for ``viz.bars``: each a measure, the smaller the better. ``UNITS`` has their units."""
        files = self.values()
        return {
            ON_DISK: {file.name: file.bytes / 1e3 for file in files},
            AT_ONCE: {file.name: _kilobytes(file.peak_activation_bytes) for file in files},
            "milliseconds a face (minimum)": {file.name: file.latency.minimum for file in files},
            "wrong decisions in 100 pairs (95 % interval)": {file.name: _errors(file.accuracy) for file in files},
        }


def report(
    paths: Mapping[str, Path | str | Runtime] | Sequence[Path | str | Runtime],
    data: PairedFaces,
    *,
    rounds: int = 50,
    threads: int = 1,
    n_folds: int = 10,
    flip: bool = False,
) -> Report:
    """Measure files on the same faces, the same pairs and in the same minutes.

    Args:
        paths: files, or ``{name in the report: file}``; the first is what the others are compared with, as a rule the
            one in 32 bits. Files are run as trusted ones; a ``Runtime`` in place of a file keeps its own threads, and
            ``Runtime(path, trusted=False)`` the process of its own, whose pipe is then part of the time.
        data: faces of people who were neither trained on nor calibrated with, and pairs of them, such as
            ``data.read_pairs`` gives.
        rounds: timed calls of each, which take turns.
        threads: of every runtime.
        n_folds: of the pairs; see ``evaluation.kfold_accuracy``.
        flip: embed mirror images too. The time is that of one look all the same.

    Raises:
        ValueError: there is no file, two have one name, or one takes other faces than those of ``data``; and what
            ``Runtime`` and ``evaluation.kfold_accuracy`` raise.
    """
    runtimes = {name: _opened(path, threads) for name, path in _named(paths).items()}
    image = normalise(data.faces.images[:1])
    embeddings = {name: runtime.embed(data.faces, flip=flip) for name, runtime in runtimes.items()}
    calls = {name: lambda runtime=runtime: runtime.forward(image) for name, runtime in runtimes.items()}
    times = latency(calls, rounds=rounds, threads=threads)
    first = next(iter(embeddings.values()))
    thresholds = _accuracy(first, data.pairs, n_folds).thresholds
    files = [
        FileReport(
            name=name,
            bytes=runtime.path.stat().st_size,
            peak_activation_bytes=runtime.peak_activation_bytes(),
            arena_bytes=runtime.arena_bytes(),
            latency=times[name],
            cosine=_mean_cosine(embeddings[name], first),
            accuracy=_accuracy(embeddings[name], data.pairs, n_folds),
            accuracy_at_first=_accuracy_at(thresholds, embeddings[name], data.pairs),
        )
        for name, runtime in runtimes.items()
    ]
    return Report(files, str(data))


def _named(paths: Mapping[str, Path | str | Runtime] | Sequence[Path | str | Runtime]) -> dict[str, Path | Runtime]:
    if not paths:
        raise ValueError("there is no file to report on; expected at least one")
    if isinstance(paths, Mapping):
        given = list(paths.items())
    else:
        given = [(path.name if isinstance(path, Runtime) else expanded(path).name, path) for path in paths]
    names = [name for name, _ in given]
    if len(set(names)) < len(names):
        raise ValueError(f"files are named {', '.join(names)}; expected names that differ: give {{name: file}}")
    return {name: path if isinstance(path, Runtime) else expanded(path) for name, path in given}


def _opened(path: Path | Runtime, threads: int) -> Runtime:
    runtime = path if isinstance(path, Runtime) else Runtime(path, threads=threads)
    if runtime.path is None:
        raise ValueError(f"{runtime.name} is in memory and has no file; write it first, as training.save_weights does")
    return runtime


def _accuracy(embeddings: np.ndarray, pairs: Pairs, n_folds: int) -> KFoldAccuracy:
    return kfold_accuracy(cosine_scores(embeddings, pairs.left, pairs.right), pairs.same, n_folds)


def _accuracy_at(thresholds: np.ndarray, embeddings: np.ndarray, pairs: Pairs) -> float:
    """Mean over folds, each with a threshold that is given."""
    folds = fold_numbers(pairs.same, len(thresholds))
    right = (cosine_scores(embeddings, pairs.left, pairs.right) >= thresholds[folds]) == pairs.same
    return float((np.bincount(folds, weights=right) / np.bincount(folds)).mean())


def _mean_cosine(embeddings: np.ndarray, others: np.ndarray) -> float:
    if embeddings.shape != others.shape:
        return float("nan")  # another network: its embeddings are not comparable
    return float(torch.cosine_similarity(torch.from_numpy(embeddings), torch.from_numpy(others)).mean())


def _row(file: FileReport) -> dict[str, object]:
    interval = file.accuracy.interval
    return {
        "file": file.name,
        "bytes": file.bytes,
        ACTIVATIONS: file.peak_activation_bytes,
        ARENA: file.arena_bytes,
        "ms, minimum": round(file.latency.minimum, 2),
        "ms, median": round(file.latency.median, 2),
        "cosine to first": round(file.cosine, 4),
        "accuracy %": round(100 * file.accuracy.mean, 2),
        "from": round(100 * interval.low, 2),
        "to": round(100 * interval.high, 2),
        "threshold": round(file.threshold, 3),
        "accuracy % at first's threshold": round(100 * file.accuracy_at_first, 2),
    }


def _kilobytes(size: int | None) -> float | None:
    return None if size is None else size / 1e3


def _errors(accuracy: KFoldAccuracy) -> tuple[float, float, float]:
    return 100 * (1 - accuracy.interval.high), 100 * (1 - accuracy.mean), 100 * (1 - accuracy.interval.low)
