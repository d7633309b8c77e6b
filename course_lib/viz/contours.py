"""A loss over a plane as contour lines, with the paths that optimizers took, and single steps as arrows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from course_lib.viz import _checks
from course_lib.viz.layout import LABEL_POINTS, LEGEND_POINTS, NOTE_POINTS, blank, put_legend_below, put_title, wrapped
from course_lib.viz.style import class_style

MOST_PANELS = 3


def contours(
    panels: Mapping[str, np.ndarray],
    x: Sequence[float],
    y: Sequence[float],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    paths: Mapping[str, np.ndarray] | None = None,
    arrows: Mapping[str, ArrayLike] | None = None,
    levels: int = 12,
    log: bool = False,
) -> Figure:
    """Heights (len(y), len(x)) side by side under their headings, all with the same lines and the same colours.

    ``paths`` are points (N, 2) in their order, the last with a large marker; ``arrows`` are (N, 2, 2), N times from a
    point to a point. Both are drawn in every panel. ``levels`` is the number of steps between the lowest and the
    highest height, which are of equal ratio with ``log``. Raises ValueError for heights of another shape, none that
    differ, x or y that does not rise, and for paths and arrows that leave the plane shown.
    """
    maps, x, y = _checked(panels, x, y)
    paths = {name: _inside(f"paths[{name!r}]", points, x, y) for name, points in (paths or {}).items()}
    arrows = {name: _checked_arrows(name, ends, x, y) for name, ends in (arrows or {}).items()}
    edges, norm = _levels(maps, levels, log)
    width = 5.5 if len(maps) == 1 else 3.7  # inches
    height = np.clip((width - 0.7) * np.ptp(y) / np.ptp(x), 2.0, 6.0) + 1.0  # beside and above are labels
    height += 0.0 if not paths and not arrows else 0.25 + 0.1 * len(paths | arrows)
    figure = blank(len(maps) * width, height)
    axes = figure.subplots(1, len(maps), squeeze=False).ravel()
    for axis, (heading, heights) in zip(axes, maps.items(), strict=True):
        axis.contourf(x, y, heights, edges, cmap="Blues", norm=norm, alpha=0.6)
        lines = axis.contour(x, y, heights, edges[1:-1], colors="#555555", linewidths=0.6)
        axis.clabel(lines, lines.levels[::2], fmt="%.2g", fontsize=NOTE_POINTS, colors="black")
        _draw(axis, paths, arrows)
        axis.set_title(wrapped(heading, width, LEGEND_POINTS), fontsize=LEGEND_POINTS, pad=4)
        axis.set_xlabel(wrapped(xlabel, 0.8 * width, LABEL_POINTS))
        axis.set_ylabel(wrapped(ylabel, 0.65 * height, LABEL_POINTS))
        axis.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), aspect="equal")  # a gradient crosses its line at a right angle
    if paths or arrows:
        put_legend_below(axes[0])
    put_title(figure, title)
    return figure


def _draw(axis: Axes, paths: Mapping[str, np.ndarray], arrows: Mapping[str, np.ndarray]) -> None:
    for label, (name, points) in enumerate(paths.items()):
        style = class_style(label)
        axis.plot(*points.T, color=style["color"], marker=".", markersize=4, linewidth=1.3)
        end = {"markersize": 10, "markeredgecolor": "white", "markevery": [-1]}
        axis.plot(*points.T, linewidth=0, label=name, zorder=4, **style, **end)
    for label, (name, ends) in enumerate(arrows.items(), len(paths)):
        look = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.008, "zorder": 5}
        axis.quiver(*ends[:, 0].T, *(ends[:, 1] - ends[:, 0]).T, label=name, color=class_style(label)["color"], **look)


def _levels(maps: Mapping[str, np.ndarray], levels: int, log: bool) -> tuple[np.ndarray, Normalize]:
    lowest, highest = min(heights.min() for heights in maps.values()), max(heights.max() for heights in maps.values())
    if levels < 2:
        raise ValueError(f"levels is {levels}; expected at least 2")
    if not lowest < highest:
        raise ValueError(f"all heights are {lowest:g}; expected some that differ")
    if log and lowest <= 0:
        raise ValueError(f"the lowest height is {lowest:g}; expected positive ones for logarithmic levels")
    edges = (np.geomspace if log else np.linspace)(lowest, highest, levels + 1)
    return edges, (LogNorm if log else Normalize)(lowest, highest)


def _checked(
    panels: Mapping[str, np.ndarray], x: Sequence[float], y: Sequence[float]
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    _checks.not_empty("panels", panels)
    if len(panels) > MOST_PANELS:
        raise ValueError(f"panels has {len(panels)} maps; expected at most {MOST_PANELS} side by side")
    x, y = _checks.finite("x", x), _checks.finite("y", y)
    for name, places in (("x", x), ("y", y)):
        if len(places) < 2 or (np.diff(places) <= 0).any():
            raise ValueError(f"{name} has {len(places)} places; expected at least 2 that rise")
    maps = {}
    for heading, heights in panels.items():
        heights = np.asarray(heights)
        if heights.shape != (len(y), len(x)):
            raise ValueError(f"panels[{heading!r}] has shape {heights.shape}; expected {(len(y), len(x))}, y before x")
        maps[heading] = _checks.finite(f"panels[{heading!r}]", heights.ravel()).reshape(heights.shape)
    return maps, x, y


def _inside(name: str, points: ArrayLike, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    points = _checks.plane(name, points)
    outside = np.flatnonzero(((points < (x[0], y[0])) | (points > (x[-1], y[-1]))).any(axis=1))
    if len(outside):
        raise ValueError(
            f"{name} is at {points[outside[0]].round(3).tolist()} at index {outside[0]}; expected points inside "
            f"x {x[0]:g} to {x[-1]:g} and y {y[0]:g} to {y[-1]:g} ({len(outside)} are not)"
        )
    return points


def _checked_arrows(name: str, ends: ArrayLike, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    ends = np.asarray(ends, dtype=np.float64)
    if ends.ndim != 3 or ends.shape[1:] != (2, 2):
        raise ValueError(f"arrows[{name!r}] have shape {ends.shape}; expected (N, 2, 2), each from a point to a point")
    return _inside(f"arrows[{name!r}]", ends.reshape(-1, 2), x, y).reshape(-1, 2, 2)
