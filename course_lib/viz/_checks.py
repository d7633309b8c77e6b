"""Early checks of what a figure is given: matplotlib would drop, recycle or clip what does not fit, and say nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, uint8


def not_empty(name: str, items: Collection[object]) -> None:
    """Raise ValueError when there is nothing to draw."""
    if len(items) == 0:
        raise ValueError(f"{name}: there is nothing to draw, expected at least one entry")


def same_length(name: str, items: Collection[object], other: str, count: int) -> None:
    """Raise ValueError unless there is one item for each of the ``count`` others."""
    if len(items) != count:
        raise ValueError(f"{name} has {len(items)} entries; expected {count}, one for each of {other}")


def finite(name: str, values: ArrayLike, *, positive: bool = False) -> NDArray[np.float64]:
    """Return ``values`` (N,) as float64; ValueError names the first that no axis, or no logarithmic axis, can show."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}; expected one axis of numbers")
    bad = np.flatnonzero(~np.isfinite(array) | ((array <= 0) if positive else False))
    if len(bad):
        wanted = "positive numbers for the logarithmic axis" if positive else "finite numbers"
        raise ValueError(f"{name} holds {array[bad[0]]:g} at index {bad[0]}; expected {wanted} ({len(bad)} are not)")
    return array


def number(name: str, value: float) -> float:
    """Return ``value``; ValueError when it is infinite or not a number, which has no place on an axis."""
    if not np.isfinite(value):
        raise ValueError(f"{name} is {value}; expected a finite number")
    return float(value)


def interval(name: str, value: float | tuple[float, float, float]) -> tuple[float, float, float]:
    """Return (low, middle, high), all equal for a plain number; ValueError when they are not finite or do not rise."""
    low, middle, high = finite(name, value if isinstance(value, tuple) else (value,) * 3)
    if not low <= middle <= high:
        raise ValueError(f"{name} is {middle:g} in {low:g} to {high:g}; expected (low, middle, high)")
    return float(low), float(middle), float(high)


def limits(name: str, ends: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of an axis; ValueError unless both are finite and the first is the lower one."""
    low, high = ends
    if not np.isfinite([low, high]).all() or low >= high:
        raise ValueError(f"{name} are {low:g} to {high:g}; expected two finite numbers, the lower one first")
    return float(low), float(high)


def units(panels: Collection[str], unit: str | Mapping[str, str] | None) -> dict[str, str]:
    """The unit of each panel: its own heading where ``unit`` names none. ValueError for headings that are no panels."""
    given = dict.fromkeys(panels, unit) if isinstance(unit, str) else dict(unit or {})
    if unknown := set(given) - set(panels):
        raise ValueError(f"units are given for {sorted(unknown)}; expected headings of panels: {list(panels)}")
    return {heading: given.get(heading, heading) for heading in panels}


def plane(name: str, points: ArrayLike) -> NDArray[np.float64]:
    """Return ``points`` as float64 (N, 2); ValueError when the shape is another or a coordinate is not finite."""
    return _points(name, points, 2, "a plane")


def space(name: str, points: ArrayLike) -> NDArray[np.float64]:
    """Return ``points`` as float64 (N, 3); ValueError when the shape is another or a coordinate is not finite."""
    return _points(name, points, 3, "space")


def _points(name: str, points: ArrayLike, dimensions: int, of: str) -> NDArray[np.float64]:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != dimensions:
        raise ValueError(f"{name} have shape {array.shape}; expected (N, {dimensions}), points of {of}")
    not_empty(name, array)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise ValueError(f"{name} hold {array[bad[0]]} at index {bad[0]}; expected finite numbers ({len(bad)} are not)")
    return array


def classes(name: str, labels: ArrayLike, *, n_points: int, n_names: int) -> NDArray[np.int64]:
    """Return ``labels`` (N,), one a point: TypeError unless integers, ValueError naming the first without a name."""
    array = np.asarray(labels)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} are {array.dtype}; expected integers")
    if array.shape != (n_points,):
        raise ValueError(f"{name} have shape {array.shape}; expected ({n_points},), one a point")
    bad = np.flatnonzero((array < 0) | (array >= n_names))
    if len(bad):
        raise ValueError(
            f"{name} hold {array[bad[0]]} at index {bad[0]}; expected 0..{n_names - 1} for {n_names} names"
        )
    return array


def pixels(images: Tensor) -> None:
    """Raise unless ``images`` are uint8 (N, 1 or 3, H, W), N >= 1: TypeError for the type, ValueError for the shape."""
    if images.dtype != uint8:
        raise TypeError(f"images are {images.dtype}; expected uint8 pixels 0..255")
    if images.ndim != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (N, 1 or 3, H, W) with N of at least 1")
