"""LookSAM: what sharpness adds to the gradient changes slowly, so it may be reused for a few steps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

# A part of the gradient smaller than this, relative to the whole, is rounding error and has no direction.
SMALLEST_PART = 1e-6


def flat_direction(sharp: list[Tensor], plain: list[Tensor]) -> list[Tensor]:
    """The unit vector along g_v, the part of SAM's gradient g_s that is orthogonal to the plain gradient g.

    g_v = g_s - ||g_s|| cos(theta) g / ||g||, with theta the angle between the two (Liu et al. 2022, CVPR,
    algorithm 1). All tensors together are one vector. Zeros where g_s is parallel to g.
    """
    along = sum((s * g).sum() for s, g in zip(sharp, plain, strict=True))
    share = along / get_total_norm(plain).square().clamp(min=torch.finfo(plain[0].dtype).tiny)
    across = torch._foreach_sub(sharp, torch._foreach_mul(plain, share))
    length = get_total_norm(across)
    torch._foreach_mul_(across, torch.where(length > SMALLEST_PART * get_total_norm(sharp), 1 / length, 0.0))
    return across


def lean(gradients: list[Tensor], direction: list[Tensor], alpha: float) -> None:
    """Add alpha ||g|| g_v / ||g_v|| to the gradients in place (algorithm 1 of the paper)."""
    torch._foreach_add_(gradients, torch._foreach_mul(direction, alpha * get_total_norm(gradients)))
