"""How sharp a minimum is: the largest loss nearby, and the largest curvature."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.optim.landscape import Batch, Landscape


@dataclass(frozen=True)
class Sharpness:
    """What ``sharpness`` found.

    Attributes:
        loss: at the weights.
        largest_loss: the largest found within ``rho`` of the weights: a lower bound of the largest there is.
        rho: the radius, in the unit of the weights.
        eigenvalue: the largest of the Hessian: the curvature of the loss along its most curved direction.
        residual: ||H v - eigenvalue v|| for the unit vector v that was found: some eigenvalue of H is at most this far
            from ``eigenvalue``.
        iterations: how many Hessian-vector products that took.
        converged: whether the residual came below the tolerance; if not, ``eigenvalue`` is too small.
    """

    loss: float
    largest_loss: float
    rho: float
    eigenvalue: float
    residual: float
    iterations: int
    converged: bool

    @property
    def increase(self) -> float:
        """``largest_loss - loss``: what SAM makes small (Foret et al. 2021, section 2)."""
        return self.largest_loss - self.loss


def sharpness(
    model: nn.Module,
    criterion: nn.Module,
    data: Batch | Iterable[Batch],
    *,
    rho: float = 0.05,
    ascent_steps: int = 10,
    iterations: int = 100,
    tolerance: float = 1e-3,
    seed: int = 0,
) -> Sharpness:
    """Measure the sharpness of the loss at the weights that model and criterion have now.

    The largest loss is looked for by normalised gradient ascent with steps of ``rho``, projected onto the ball, from
    three starts: the weights (the first step is then SAM's own) and the two points of the ball along the eigenvector,
    since at a minimum there is no gradient to follow. The eigenvalue is found by power iteration on Hessian-vector
    products; a Hessian whose largest eigenvalue in magnitude is negative is shifted by it, and iterated again.

    Both depend on how the weights are scaled, so compare networks of one architecture (Dinh et al. 2017, ICML).

    Args:
        model, criterion, data: see ``Landscape``; the loss is that of evaluation mode, and everything is left as it is.
        rho: radius of the ball, at least 0.
        ascent_steps: from each start; three gradients a step in all.
        iterations: of the power method, at most; each takes about two gradients' time.
        tolerance: of the residual, relative to the largest eigenvalue in magnitude.
        seed: of the power method's first vector.

    Raises:
        ValueError: an option is out of range, the loss is not finite, or ``data`` is not as ``Landscape`` expects.
    """
    if not (0 <= rho < math.inf and ascent_steps >= 1 and iterations >= 1 and tolerance > 0):
        raise ValueError(
            f"rho is {rho}, ascent_steps {ascent_steps}, iterations {iterations}, tolerance {tolerance}; "
            "expected 0 or more, at least 1, at least 1, more than 0"
        )
    landscape = Landscape(model, criterion, data)
    center = landscape.weights
    loss = landscape.loss(center)
    if not math.isfinite(loss):
        raise ValueError(f"the loss at the weights is {loss}; expected a finite number")
    start = torch.randn(len(center), generator=torch.Generator().manual_seed(seed)).to(center)
    value, vector, residual, products, converged = top_eigenpair(
        lambda v: landscape.hessian_product(center, v), start, iterations, tolerance
    )
    starts = (torch.zeros_like(center), rho * vector, -rho * vector)
    largest = max(loss, *(climb(landscape, rho, offset, ascent_steps) for offset in starts))
    return Sharpness(loss, largest, rho, value, residual, products, converged)


def climb(landscape: Landscape, rho: float, offset: Tensor, steps: int) -> float:
    """The largest loss that projected, normalised gradient ascent meets within rho of the landscape's weights."""
    largest = -math.inf
    for _ in range(steps):
        loss, gradient = landscape.gradient(landscape.weights + offset)
        largest = max(largest, loss)
        offset = offset + rho * unit(gradient)
        offset = offset * min(1.0, rho / max(float(offset.norm()), 1e-30))
    return max(largest, landscape.loss(landscape.weights + offset))


def top_eigenpair(
    product: Callable[[Tensor], Tensor], start: Tensor, iterations: int, tolerance: float
) -> tuple[float, Tensor, float, int, bool]:
    """The largest eigenvalue of a symmetric matrix known by its products: (value, unit vector, residual, products,
    converged)."""
    value, vector, residual, products = power_iteration(product, start, iterations, tolerance)
    scale = abs(value)
    if value < 0:  # the largest in magnitude is the smallest: shifted by it, the largest leads
        lowest = value
        shifted, vector, residual, more = power_iteration(
            lambda v: product(v) - lowest * v, start, iterations, tolerance
        )
        value, products, scale = shifted + lowest, products + more, shifted
    return value, vector, residual, products, residual <= tolerance * scale


def power_iteration(
    product: Callable[[Tensor], Tensor], start: Tensor, iterations: int, tolerance: float
) -> tuple[float, Tensor, float, int]:
    """The eigenvalue largest in magnitude: (Rayleigh quotient, unit vector, residual, products)."""
    vector = unit(start)
    for count in range(1, iterations + 1):
        image = product(vector)
        value = vector @ image
        residual = (image - value * vector).norm()
        if residual <= tolerance * value.abs() or count == iterations:
            break
        vector = unit(image)
    return float(value), vector, float(residual), count


def unit(vector: Tensor) -> Tensor:
    """The vector at length one; zeros stay zeros."""
    return vector / vector.norm().clamp(min=1e-30)
