"""Boxes around faces: how much two overlap, which of many on one face to keep, and the square around one.

Boxes are float arrays (N, 4): left, top, right, bottom in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from course_lib.alignment.cells import Cells, by_size

MODES = ("union", "min")
BLOCK = 128  # candidates decided at once
FEW = 1024  # up to here it is as quick to compare with all as to look for neighbours
LARGEST = 2.0**500  # of the coordinates of boxes whose neighbours are looked for: areas are still numbers


def overlap(boxes: np.ndarray, others: np.ndarray, *, mode: str = "union") -> np.ndarray:
    """How much each box overlaps each other one, 0..1: float (N, M).

    Args:
        boxes: float (N, 4).
        others: float (M, 4).
        mode: ``"union"``: the intersection over the union (IoU); ``"min"``: over the smaller of the two areas, so that
            a box inside another one overlaps it fully.

    Raises:
        ValueError: another shape or mode.
    """
    _check(boxes)
    _check(others)
    _check_mode(mode)
    return _overlap(boxes[:, None], others, mode)


def nms(
    boxes: np.ndarray,
    scores: np.ndarray,
    threshold: float,
    *,
    mode: str = "union",
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Non-maximum suppression: the indices, int64 (K,), of the boxes to keep, the highest score first.

    Going down the scores, a box is kept unless it overlaps one that was kept by more than ``threshold``. Of equal
    scores the first box comes first. Boxes are compared with those around them only: the time grows with N and with how
    many are kept in one place, not with the square of N.

    Args:
        boxes: float (N, 4).
        scores: float (N,).
        threshold: 0..1.
        mode: see ``overlap``.
        groups: int (N,): only boxes of one group, say of one photograph, suppress each other.

    Raises:
        ValueError: shapes that do not fit, NaN, a threshold outside 0..1, or another mode.
    """
    _check(boxes)
    _check_mode(mode)
    groups = np.zeros(len(boxes), dtype=np.int64) if groups is None else groups
    if not scores.shape == groups.shape == boxes.shape[:1]:
        raise ValueError(f"{len(boxes)} boxes with scores {scores.shape}, groups {groups.shape}; expected one per box")
    if np.isnan(scores).any() or np.isnan(boxes).any():
        raise ValueError("a score or a box is NaN; expected numbers")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}; expected 0..1")
    best_first = np.lexsort((-scores, groups))  # one group after the other
    starts = np.flatnonzero(np.diff(groups[best_first])) + 1
    kept = [np.empty(0, dtype=np.int64)]
    for members in np.split(best_first, starts):
        kept += [members[_survivors(boxes[members], threshold, mode)]]
    found = np.sort(np.concatenate(kept))
    return found[np.argsort(-scores[found], kind="stable")]


def squared(boxes: np.ndarray) -> np.ndarray:
    """The squares around the same centres, as wide as the longer sides: float (N, 4)."""
    _check(boxes)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _overlap(boxes: np.ndarray, others: np.ndarray, mode: str) -> np.ndarray:
    """``overlap`` of boxes (..., 4) with others (..., 4), broadcast: float (...)."""
    # One side after the other: NumPy is quick along long axes, and the sides are four.
    left, top = (np.maximum(boxes[..., side], others[..., side]) for side in (0, 1))
    right, bottom = (np.minimum(boxes[..., side], others[..., side]) for side in (2, 3))
    shared = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    area, other_area = _areas(boxes), _areas(others)
    whole = area + other_area - shared if mode == "union" else np.minimum(area, other_area)
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)  # an empty box overlaps nothing


def _areas(boxes: np.ndarray) -> np.ndarray:
    """Of boxes (..., 4) in square pixels, float (...): 0 for a box whose right is left of its left."""
    return np.maximum(boxes[..., 2] - boxes[..., 0], 0) * np.maximum(boxes[..., 3] - boxes[..., 1], 0)


def _check(boxes: np.ndarray) -> None:
    """Raise ``ValueError`` unless ``boxes`` has the shape (N, 4)."""
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes have shape {boxes.shape}; expected (N, 4): left, top, right, bottom")


def _check_mode(mode: str) -> None:
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} is not known; expected one of {', '.join(MODES)}")


def _survivors(boxes: np.ndarray, threshold: float, mode: str) -> np.ndarray:
    """The indices to keep of boxes that come with the best first."""
    grids = _grids(boxes) if len(boxes) > FEW else None
    kept = [np.empty(0, dtype=np.int64)]
    waits = np.ones(len(boxes), dtype=bool)
    start = 0
    while start < len(boxes):
        block = start + np.flatnonzero(waits[start : start + 4 * BLOCK])[:BLOCK]
        start = block[-1] + 1 if len(block) == BLOCK else start + 4 * BLOCK
        clash = np.triu(_overlap(boxes[block, None], boxes[block], mode) > threshold, k=1)  # [better, worse]
        block = block[_unbeaten(clash)]
        kept += [block]
        if start >= len(boxes):
            break
        if grids is None:
            worse = start + np.flatnonzero(waits[start:])
            waits[worse[(_overlap(boxes[block, None], boxes[worse], mode) > threshold).any(axis=0)]] = False
        else:
            for better, worse in _rivals(grids, boxes, block, threshold if mode == "union" else 0.0):
                later = (worse >= start) & waits[worse]
                better, worse = better[later], worse[later]
                waits[worse[_overlap(boxes[better], boxes[worse], mode) > threshold]] = False
    return np.concatenate(kept)


def _grids(boxes: np.ndarray) -> list[Cells] | None:
    """The boxes that are not empty, sorted by size and place; None where a coordinate is too large for that."""
    if (np.abs(boxes, dtype=np.float64) < LARGEST).all():
        full = np.flatnonzero(_areas(boxes) > 0)
        return by_size(boxes[full], full)
    return None


def _rivals(
    grids: Sequence[Cells], boxes: np.ndarray, kept: np.ndarray, threshold: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of one in ``kept`` and one that may share more than ``threshold`` of it: two int arrays for each grid."""
    areas = _areas(boxes[kept])
    for cells in grids:
        # Boxes of this size have at most its square to share; twice that, as areas are rounded.
        able = kept[(areas > 0) & (threshold * areas <= 2 * cells.size**2)]
        which, others = cells.around(boxes[able])
        yield able[which], others


def _unbeaten(clash: np.ndarray) -> np.ndarray:
    """Which boxes clash with no better one that is itself kept.

    All are decided at once, and again until nothing changes: the first box is right from the start, and each pass
    sets at least one more right for good, so the end is what going down one by one gives. A few passes do (Zheng et
    al. 2020, "Enhancing geometric factors in model learning and inference", section 3.4, Cluster-NMS).
    """
    kept = np.ones(len(clash), dtype=bool)
    while True:
        still = ~clash[kept].any(axis=0)
        if (still == kept).all():
            return kept
        kept = still
