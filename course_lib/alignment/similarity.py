"""The transform that brings landmarks to the template: by rotation, scale and shift, or by any affine map."""

from __future__ import annotations

import numpy as np

UNDETERMINED = 1e-9  # of the points' own extent: below this, rounding decides the angle


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation, scale and shift that bring ``source`` closest to ``target`` in least squares.

    Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns", eq. 40 to 43. In
    the plane its singular value decomposition has a closed form: write each point as a complex number, both sets about
    their means, and the transform is target = a * source + b with a = sum(conj(source) * target) / sum(|source|^2).
    Multiplying by a complex number turns and scales; it can neither shear nor mirror.

    Args:
        source: points (..., K, 2), at least two, x and y.
        target: points of the same shape, or of one that broadcasts to it: one template for all.

    Returns:
        float64 (..., 2, 3): ``[[p, -q, x], [q, p, y]]``, to be applied as ``matrix[:, :2] @ point + matrix[:, 2]``.

    Raises:
        ValueError: the points determine no transform: NaN or infinite, all in one place, or, as a mirrored set can be,
            equally far from the target at every angle. The first such set is named.
    """
    source, target = _as_points(source, target)
    if source.shape[-2] < 2:
        raise ValueError(f"points have shape {source.shape}; expected at least two, (..., K, 2)")
    source_mean, target_mean = source.mean(-2, keepdims=True), target.mean(-2, keepdims=True)
    around, onto = source - source_mean, target - target_mean
    source_square, target_square = (np.square(centred).sum((-2, -1)) for centred in (around, onto))
    dot = (around * onto).sum((-2, -1))
    cross = (around[..., 0] * onto[..., 1] - around[..., 1] * onto[..., 0]).sum(-1)
    _refuse(source_square <= np.square(UNDETERMINED * np.abs(source).max((-2, -1))), "all in one place", source)
    _refuse(target_square <= np.square(UNDETERMINED * np.abs(target).max((-2, -1))), "all in one place", target)
    no_angle = np.hypot(dot, cross) <= UNDETERMINED * np.sqrt(source_square * target_square)
    _refuse(no_angle, "as far from the target at every angle", source)
    p, q = dot / source_square, cross / source_square
    linear = np.stack([np.stack([p, -q], -1), np.stack([q, p], -1)], -2)
    return _with_shift(linear, source_mean, target_mean)


def affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The affine map that brings three points exactly to their targets: six equations, six unknowns.

    It may shear and mirror: what five points disagree about, three hide in the shape of the face. It stands here for
    contrast, since some papers say "affine" where others use a similarity.

    Args:
        source: points (..., 3, 2), for instance the eyes and the nose: ``landmarks[[0, 1, 2]]``.
        target: points of the same shape, or of one that broadcasts to it.

    Returns:
        float64 (..., 2, 3).

    Raises:
        ValueError: another number of points, NaN or infinity, or three points on one line. The first such set is named.
    """
    source, target = _as_points(source, target)
    if source.shape[-2] != 3:
        raise ValueError(f"points have shape {source.shape}; expected exactly three, (..., 3, 2)")
    sides, onto = source[..., 1:, :] - source[..., :1, :], target[..., 1:, :] - target[..., :1, :]
    lengths = np.square(sides).sum(-1).max(-1)  # of the longer side, squared
    _refuse(np.abs(np.linalg.det(sides)) <= UNDETERMINED * lengths, "on one line", source)
    linear = np.swapaxes(np.linalg.solve(sides, onto), -1, -2)
    return _with_shift(linear, source[..., :1, :], target[..., :1, :])


def _as_points(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    for points in (source, target):
        if points.ndim < 2 or points.shape[-1] != 2:
            raise ValueError(f"points have shape {points.shape}; expected (..., K, 2): x and y of each")
    if source.shape[-2] != target.shape[-2]:
        raise ValueError(f"{source.shape[-2]} points cannot be brought to {target.shape[-2]}; expected as many")
    source, target = np.broadcast_arrays(source, target)
    _refuse(~np.isfinite(source + target).all((-2, -1)), "not all finite", source)
    return source, target


def _refuse(wrong: np.ndarray, why: str, points: np.ndarray) -> None:
    if not wrong.any():
        return
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    which = f"set {index[0] if len(index) == 1 else index}" if index else "the points"
    raise ValueError(
        f"{which} of {max(wrong.size, 1)} determine no transform: {why}, {np.round(points[index], 3).tolist()}."
        " Leave the face out, or detect it again"
    )


def _with_shift(linear: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The (..., 2, 3) matrix with that linear part which brings the point ``source`` (..., 1, 2) to ``target``."""
    shift = np.swapaxes(target, -1, -2) - linear @ np.swapaxes(source, -1, -2)
    return np.concatenate([linear, shift], -1)
