"""DET curves: both errors on probit axes, where the curves of normally distributed scores are straight."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from course_lib.evaluation import Det
from course_lib.viz import _checks
from course_lib.viz.layout import blank, put_labels, put_legend_below, put_title
from course_lib.viz.references import put_names
from course_lib.viz.style import class_style

TICKS = np.array([1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999])
BEYOND = 9.0  # a probit outside every axis: where the shares 0 and 1 are put


def det_curves(
    curves: Mapping[str, Det],
    *,
    title: str,
    n_genuine: int,
    n_impostor: int,
    named: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """FRR over FAR on probit axes, from one pair of each kind, the finest that so many can show, to one half.

    Where a curve crosses the dotted line is its equal error rate; the axes reach further where one is above one half.
    ``named`` are points ``{name: (FAR, FRR)}`` that the text speaks of.
    """
    from scipy.special import ndtri

    _checks.not_empty("curves", curves)
    for name, count in (("n_genuine", n_genuine), ("n_impostor", n_impostor)):
        if count < 3:
            raise ValueError(f"{name} is {count}; expected at least 3 pairs: fewer show no share below one half")
    left, bottom = ndtri(1 / n_impostor), ndtri(1 / n_genuine)
    worst = max(np.maximum(curve.far_probit, curve.frr_probit).min() for curve in curves.values())
    end = min(max(0.0, worst) + 0.15, -left, -bottom)
    figure = blank(6.5, 5.4)
    axis = figure.subplots()
    axis.plot([-BEYOND, BEYOND], [-BEYOND, BEYOND], color="#777777", linestyle=":", linewidth=1, label="FAR = FRR")
    for label, (name, curve) in enumerate(curves.items()):
        far, frr = (np.clip(probits, -BEYOND, BEYOND) for probits in (curve.far_probit, curve.frr_probit))
        axis.step(far, frr, where="post", label=name, markevery=0.12, markersize=6, **class_style(label))
    for side, low in ((axis.xaxis, left), (axis.yaxis, bottom)):
        shown: list[float] = []
        for share in TICKS[(ndtri(TICKS) >= low) & (ndtri(TICKS) <= end)][::-1]:
            if not shown or ndtri(shown[-1]) - ndtri(share) >= 0.12 * (end - low):  # room for the text
                shown.append(share)
        side.set_ticks(ndtri(shown), [f"{100 * share:g} %" for share in shown])
    axis.set(xlim=(left, end), ylim=(bottom, end))
    put_labels(axis, "FAR: share of impostor pairs accepted", "FRR: share of genuine pairs rejected")
    put_legend_below(axis)
    put_title(figure, title)
    put_names(axis, {name: (ndtri(far), ndtri(frr)) for name, (far, frr) in (named or {}).items()})
    return figure
