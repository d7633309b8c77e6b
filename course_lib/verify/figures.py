"""A report as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from course_lib import viz
from course_lib.console import shown
from course_lib.evaluation import det

if TYPE_CHECKING:
    from course_lib.verify.report import Report


def figures(report: Report) -> dict[str, Figure]:
    """Score histogram, ROC and DET by the names of their files."""
    found = report.verification
    name = shown(report.network).replace("$", r"\$")  # between two of them a figure would read a formula
    counts = {"n_genuine": found.n_genuine, "n_impostor": found.n_impostor}
    threshold = float(np.median(found.accuracy.thresholds))
    drawn = {
        "scores": viz.score_histogram(
            report.scores,
            report.same,
            title=f"{name} decides {100 * found.accuracy.mean:.2f} % of {len(report.same):,} pairs rightly",
            threshold=threshold if np.isfinite(threshold) else None,
        ),
        "roc": viz.roc_curves({name: found.roc}, title=f"{name}: {_tar(report)}", n_impostor=found.n_impostor),
    }
    if min(counts.values()) >= 3:  # fewer pairs have no DET curve
        title = f"{name}: both errors are {100 * found.eer.rate:.2f} % at one threshold"
        drawn["det"] = viz.det_curves({name: det(report.scores, report.same)}, title=title, **counts)
    return drawn


def _tar(report: Report) -> str:
    """TAR at the lowest FAR that so many impostor pairs resolve."""
    resolved = [point for point in report.verification.tar_at_far if point.resolved]
    if not resolved:
        return f"{report.verification.n_impostor} impostor pairs resolve none of the FARs"
    lowest = min(resolved, key=lambda point: point.far_target)
    return f"TAR {100 * lowest.tar:.1f} % at FAR {lowest.far_target:g}"
