"""The cosine of an angle made larger: what ArcFace, the combined margin and MagFace do to the target."""

from __future__ import annotations

import math

import torch
from torch import Tensor

GRADIENTS = ("exact", "straight_through")
PAST_PI = ("monotone", "easy_margin", "plain")
# The slope of acos is infinite at 1 and -1. Of the float32 numbers below 1, the second is the nearest to this one.
NEARLY_ONE = 1 - 1e-7


def enlarge_angle(
    cosine: Tensor, plus: float | Tensor, *, times: float | Tensor = 1.0, past_pi: str, gradient: str = "exact"
) -> Tensor:
    """cos(times * theta + plus) of theta = arccos(cosine), elementwise, in float32 or float64.

    ``past_pi``, for angles that would grow past pi, where the cosine rises again:

    - ``"monotone"``: beyond theta_0 = (pi - plus) / times it is cos(theta) - (pi - theta_0) sin(theta_0), which goes on
      falling; for times = 1 that is cos(theta) - plus * sin(plus). At theta_0 it steps down.
    - ``"easy_margin"``: the angle grows only where cos(theta) > 0, and is left alone elsewhere.
    - ``"plain"``: nothing is done about it.

    ``gradient``:

    - ``"exact"``: the derivative of all this. The cosine is clamped to 1 - 1e-7 in size, beyond which it is 0.
    - ``"straight_through"``: 1, as if the margin were a constant.
    """
    angle = cosine.clamp(-NEARLY_ONE, NEARLY_ONE).acos()
    enlarged = times * angle + plus
    result = enlarged.cos()
    if past_pi == "monotone":
        bend = torch.as_tensor((math.pi - plus) / times, dtype=cosine.dtype)
        result = torch.where(enlarged <= math.pi, result, cosine - (math.pi - bend) * bend.sin())
    elif past_pi == "easy_margin":
        result = torch.where(cosine > 0, result, cosine)
    return result if gradient == "exact" else cosine + (result - cosine).detach()
