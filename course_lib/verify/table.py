"""A report as a table of text: shares in per cent, thresholds as cosine and as squared L2 side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from course_lib.console import shown
from course_lib.evaluation import Interval

if TYPE_CHECKING:
    from course_lib.verify.report import Report


def table(report: Report) -> str:
    """What ``print(report)`` shows; thresholds are for embeddings of length one."""
    found = report.verification
    accuracy, n_folds = found.accuracy, len(found.accuracy.per_fold)
    network, pairs = shown(report.network), shown(report.pairs)
    rows = [
        f"network    {network}, {report.embedding_dim} numbers, face{' + mirror image' if report.flip else ''}",
        f"pairs      {pairs}: {found.n_genuine:,} genuine, {found.n_impostor:,} impostor, of {report.n_faces:,} "
        "photographs",
        f"faces      {report.alignment}",
        f"excluded   {len(report.excluded):,} photographs, and {report.n_dropped:,} pairs with them",
        f"noticed    {shown(str(report.check))}",
        "",
        f"{'':<21}{'%':>7}  {f'{100 * found.confidence:g} % interval':<17}{'cosine >=':<26}squared L2 <=",
    ]
    step, middle = 1 / found.n_impostor, float(np.mean(accuracy.thresholds))
    rows.append(_row(f"accuracy, {n_folds} folds", accuracy.mean, accuracy.interval, middle))
    rows.append(_row("EER", found.eer.rate, None, found.eer.threshold))
    for point, at in zip(found.tar_at_far, report.thresholds, strict=True):
        label = f"TAR at FAR {point.far_target:g}"
        if point.resolved:
            rows.append(_row(label, point.tar, point.interval, at.threshold, at.interval))
        else:
            rows.append(f"{label:<21}not resolved: one of {found.n_impostor:,} impostor pairs is a FAR of {step:.2g}")
    rows += ["", f"accuracy by fold: standard deviation {100 * accuracy.std:.2f} points; the thresholds' mean is shown"]
    rows += [f"excluded: {shown(gone.photograph)} ({shown(gone.reason)})" for gone in report.excluded]
    return "\n".join(rows)


def squared_l2_at(cosine: float) -> float:
    """2 - 2 cos; infinite where no cosine, or every one, is meant."""
    return 2 - 2 * cosine


def _row(label: str, share: float, interval: Interval | None, cosine: float, around: Interval | None = None) -> str:
    bounds = f"[{100 * interval.low:.2f}, {100 * interval.high:.2f}]" if interval else ""
    distances = Interval(squared_l2_at(around.high), squared_l2_at(around.low)) if around else None
    thresholds = f"{_threshold(cosine, around):<26}{_threshold(squared_l2_at(cosine), distances)}"
    return f"{label:<21}{100 * share:7.2f}  {bounds:<17}{thresholds}"


def _threshold(value: float, around: Interval | None) -> str:
    """With its interval, whose ends are "-" where too few pairs bound them."""
    if not math.isfinite(value):
        return "none"
    ends = [f"{end:.4f}" if math.isfinite(end) else "-" for end in (around.low, around.high)] if around else []
    return f"{value:.4f}" + (f" [{', '.join(ends)}]" if ends else "")
