"""Embeddings in three dimensions by their directions: points on a unit sphere, as a globe is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import ArrayLike, NDArray

from course_lib.viz import _checks
from course_lib.viz.layout import panels_beside_legend, put_legend_right, put_title, wrapped
from course_lib.viz.style import class_style

GRID_STEP = 30  # degrees between two meridians, and between two parallels


def spheres(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: Sequence[str],
    *,
    title: str,
    centers: Mapping[str, np.ndarray] | None = None,
    azimuth: float = 30.0,
    elevation: float = 20.0,
) -> Figure:
    """Directions of points coloured by class, one panel an entry of ``{heading: (points (N, 3), labels (N,))}``.

    Every point is put on the sphere of radius one; its own length does not show. What lies on the far side is small and
    pale. ``centers`` adds (C, 3) crosses to the panel of the same heading. ``azimuth`` and ``elevation`` say in degrees
    where the eye is: over that meridian, and over that parallel. Raises ValueError also for a point at the origin.
    """
    _checks.not_empty("panels", panels)
    centers = centers or {}
    if unknown := set(centers) - set(panels):
        raise ValueError(f"centers are given for {sorted(unknown)}; expected headings of panels: {list(panels)}")
    eye = _eye(azimuth, elevation)
    figure, axes = panels_beside_legend(len(panels), [*names, "center"])
    for axis, (heading, (points, labels)) in zip(axes, panels.items(), strict=True):
        points = _directions(f"panels[{heading!r}] points", points) @ eye.T
        labels = _checks.classes(f"panels[{heading!r}] labels", labels, n_points=len(points), n_names=len(names))
        _draw_globe(axis, eye)
        for label, name in enumerate(names):
            _draw_points(axis, points[labels == label], name, **class_style(label))
        if heading in centers:
            crosses = _directions(f"centers[{heading!r}]", centers[heading]) @ eye.T
            _draw_points(axis, crosses, "center", size=55, color="white", marker="X", edgecolors="black", linewidths=1)
        axis.set_title(wrapped(heading, axis.bbox.width / figure.dpi, 11), fontsize=11)
    put_legend_right(axes)
    put_title(figure, title)
    return figure


def _eye(azimuth: float, elevation: float) -> NDArray[np.float64]:
    """The rotation (3, 3) to what the eye sees: across to the right, up, and towards the eye."""
    around, above = np.radians([_checks.number("azimuth", azimuth), _checks.number("elevation", elevation)])
    across = (-np.sin(around), np.cos(around), 0.0)
    towards = (np.cos(above) * np.cos(around), np.cos(above) * np.sin(around), np.sin(above))
    return np.array([across, np.cross(towards, across), towards])


def _directions(name: str, points: ArrayLike) -> NDArray[np.float64]:
    points = _checks.space(name, points)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(f"{name} hold the origin at index {np.argmin(lengths)}; expected points that have a direction")
    return points / lengths


def _draw_points(axis: Axes, points: NDArray[np.float64], name: str, size: float = 14, **look: object) -> None:
    far = points[:, 2] < 0
    look = {"linewidths": 0, **look}
    axis.scatter(*points[far, :2].T, s=size / 2, alpha=0.2, zorder=1, **look)
    axis.scatter(*points[~far, :2].T, s=size, alpha=0.8, zorder=3, label=name, **look)


def _draw_globe(axis: Axes, eye: NDArray[np.float64]) -> None:
    """The outline, and the near side of the meridians and parallels."""
    turn, half = np.radians(np.arange(0, 361, 3)), np.radians(np.arange(-90, 91, 3))
    grid = [_on_globe(longitude, half) for longitude in np.radians(np.arange(0, 360, GRID_STEP))]
    grid += [_on_globe(turn, latitude) for latitude in np.radians(np.arange(GRID_STEP - 90, 90, GRID_STEP))]
    for line in grid:
        across, up, towards = eye @ line
        axis.plot(np.where(towards >= 0, across, np.nan), up, color="#D5D5D5", linewidth=0.6, zorder=2)
    axis.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor="#777777", linewidth=1, zorder=2))
    axis.set(xlim=(-1.06, 1.06), ylim=(-1.06, 1.06), aspect="equal")
    axis.axis("off")


def _on_globe(longitude: ArrayLike, latitude: ArrayLike) -> NDArray[np.float64]:
    """Points (3, N) at angles in radians."""
    longitude, latitude = np.broadcast_arrays(longitude, latitude)
    return np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
