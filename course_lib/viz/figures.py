"""Figures: data in, a matplotlib ``Figure`` out. None of them draws to the screen; ``show`` does.

All of them raise ValueError, which names the argument, for data that could only be drawn in part: values that are not
finite, lengths that differ, nothing at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_lib.evaluation import Roc
from course_lib.viz import _checks
from course_lib.viz.layout import (
    LABEL_POINTS,
    LEGEND_POINTS,
    blank,
    panels_beside_legend,
    put_credit,
    put_labels,
    put_legend_below,
    put_legend_right,
    put_title,
    square_window,
    wrapped,
)
from course_lib.viz.references import Value, put_names, put_references
from course_lib.viz.style import class_style


def image_grid(
    images: Tensor, captions: Sequence[str] | None = None, *, title: str, columns: int = 10, credit: str = ""
) -> Figure:
    """Images uint8 (N, C, H, W) side by side, each under its caption; ``credit`` stands below."""
    _checks.pixels(images)
    if columns < 1:
        raise ValueError(f"columns is {columns}; expected at least 1")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    aspect = images.shape[2] / images.shape[3]
    all_fit = (20 / (len(images) * aspect)) ** 0.5  # photographs hardly compress: 20 square inches take 130 kB
    cell = min(9.0 / columns, 2.0, max(all_fit, 0.45))  # inches
    caption_height = 0.0
    if captions is not None:
        _checks.same_length("captions", captions, "images", len(images))
        captions = [wrapped(caption, cell, LEGEND_POINTS) for caption in captions]
        caption_height = 0.05 + 0.15 * max(caption.count("\n") + 1 for caption in captions)
    cell_height = cell * aspect + caption_height
    figure = blank(max(columns * cell, 4.0), rows * cell_height + 0.35 + (0.2 if credit else 0))
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, hspace=0)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for index, (axis, image) in enumerate(zip(axes, images, strict=False)):  # the last row may have empty places
        axis.imshow(image.permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=255)
        if captions is not None:
            axis.set_title(captions[index], fontsize=LEGEND_POINTS, pad=3)
    put_title(figure, title)
    put_credit(figure, credit)
    return figure


def feature_plane(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: Sequence[str],
    *,
    title: str,
    centers: Mapping[str, np.ndarray] | None = None,
    named: Mapping[str, Mapping[str, tuple[float, float]]] | None = None,
    axis_label: str = "feature",
    share: bool = False,
) -> Figure:
    """Points of the plane coloured by class, one panel an entry of ``{heading: (features (N, 2), labels (N,))}``.

    ``centers`` adds (C, 2) crosses to the panel of the same heading, ``named`` names beside points ``{name: (x, y)}``.
    ``share`` gives all panels the same limits.
    """
    _checks.not_empty("panels", panels)
    centers, named = centers or {}, named or {}
    for what, given in {"centers": centers, "named points": named}.items():
        if unknown := set(given) - set(panels):
            raise ValueError(f"{what} are given for {sorted(unknown)}; expected headings of panels: {list(panels)}")
    figure, axes = panels_beside_legend(len(panels), [*names, "center"])
    windows = []
    for axis, (heading, (features, labels)) in zip(axes, panels.items(), strict=True):
        features = _checks.plane(f"panels[{heading!r}] features", features)
        labels = _checks.classes(f"panels[{heading!r}] labels", labels, n_points=len(features), n_names=len(names))
        size = np.clip(25_000 / len(features), 9, 22)  # many points are drawn smaller
        for label, name in enumerate(names):
            axis.scatter(
                *features[labels == label].T, s=size, alpha=0.65, linewidths=0, label=name, **class_style(label)
            )
        if heading in centers:
            crosses = _checks.plane(f"centers[{heading!r}]", centers[heading])
            axis.scatter(*crosses.T, s=55, c="white", marker="X", edgecolors="black", zorder=3, label="center")
            features = np.concatenate([features, crosses])
        axis.set_title(wrapped(heading, axis.bbox.width / figure.dpi, 11), fontsize=11)
        axis.set(xlabel=f"{axis_label} 1", ylabel=f"{axis_label} 2")
        windows.append(features)
    for axis, window in zip(axes, windows, strict=True):
        square_window(axis, np.concatenate(windows) if share else window)
    put_legend_right(axes)
    put_title(figure, title)
    for axis, heading in zip(axes, panels, strict=True):
        put_names(axis, named.get(heading, {}))
    return figure


def roc_curves(
    curves: Mapping[str, Roc],
    *,
    title: str,
    n_impostor: int,
    named: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """TAR over FAR on a logarithmic axis that ends at one impostor pair, the finest that so many can show.

    ``named`` are points ``{name: (FAR, TAR)}`` that the text speaks of.
    """
    _checks.not_empty("curves", curves)
    if n_impostor < 2:
        raise ValueError(f"n_impostor is {n_impostor}; expected at least 2 impostor pairs")
    figure = blank(6.5, 4.4)
    axis = figure.subplots()
    finest = 1 / n_impostor
    for label, (name, curve) in enumerate(curves.items()):
        first = np.searchsorted(curve.far, finest, side="right") - 1  # the TAR that one impostor pair, or none, costs
        far, tar = np.append(finest, curve.far[first + 1 :]), curve.tar[first:]
        style = class_style(label)
        axis.step(far, tar, where="post", label=name, markevery=0.12, markersize=6, **style)
    axis.set(xscale="log", xlim=(finest, 1), ylim=(0, 1.02))
    put_labels(axis, "FAR: share of impostor pairs accepted", "TAR: share of genuine pairs accepted")
    put_legend_below(axis)
    put_title(figure, title)
    put_names(axis, named or {})
    return figure


def seeds_and_means(
    values: Mapping[str, Sequence[float]],
    intervals: Mapping[str, tuple[float, float]],
    *,
    title: str,
    xlabel: str,
    references: Mapping[str, Value] | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """One dot a seed, and the mean with its interval (low, high), for each of several methods.

    ``references`` are dashed lines ``{name: x}``, such as what is had without training; ``limits`` those of the x axis,
    which figures that are to be compared share.
    """
    _checks.not_empty("values", values)
    if set(intervals) != set(values):
        raise ValueError(f"intervals are given for {list(intervals)}; expected one for each of {list(values)}")
    figure = blank(7, 0.8 * len(values) + 1.7)
    axis = figure.subplots()
    axis.plot([], [], linestyle="", marker="o", color="#555555", label="one run")
    for row, (name, runs) in enumerate(values.items()):
        _checks.not_empty(f"values[{name!r}]", runs)
        runs = _checks.finite(f"values[{name!r}]", runs)
        heights = row + np.linspace(-0.24, 0.0, len(runs))  # each in its own lane, so that equal runs are all seen
        axis.plot(runs, heights, **class_style(row) | {"linestyle": "", "markersize": 7, "alpha": 0.8})
        low, high = _checks.finite(f"intervals[{name!r}]", intervals[name])
        label = "mean of the runs and its interval" if row == 0 else None
        bar = {"color": "black", "marker": "|", "markevery": [1], "markersize": 10, "label": label}
        axis.plot([low, runs.mean(), high], [row + 0.2] * 3, **bar)
    axis.set(
        ylim=(len(values) - 0.5, -0.5),
        yticks=range(len(values)),
        yticklabels=[wrapped(name, 2.2, LABEL_POINTS) for name in values],
    )
    put_references(axis, references or {}, upright=True)
    if limits is not None:
        axis.set_xlim(*_checks.limits("limits", limits))
    if axis.get_xlim()[0] < 0 < axis.get_xlim()[1]:  # differences: which side of zero matters
        axis.axvline(0, color="#777777", linewidth=1, zorder=0)
    put_labels(axis, xlabel, "")
    put_legend_below(axis)
    put_title(figure, title)
    return figure
