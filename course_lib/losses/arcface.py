"""ArcFace: the target's angle must be smaller by a margin (Deng et al. 2019, CVPR)."""

from __future__ import annotations

import math

from torch import Tensor

from course_lib.losses.angle import GRADIENTS, PAST_PI, enlarge_angle
from course_lib.losses.base import check_choice, check_range
from course_lib.losses.margin_softmax import MarginSoftmax


class ArcFace(MarginSoftmax):
    """The target's logit is s * cos(theta + m) (equation 3): embeddings (N, D) float, labels (N,) int64 -> ``Loss``.

    Args:
        embedding_dim, n_classes, seed: see ``MarginSoftmax``.
        scale: s; 64 in the paper, 16 to 32 for few classes.
        margin: m in radians, 0 to pi/2; 0.5 is 28.6 degrees.
        gradient: ``"exact"`` differentiates the arc cosine. ``"straight_through"`` takes the margin for a constant, as
            the authors' PyTorch code does: the gradient with respect to the target's cosine is then s (p - 1), without
            the factor sin(theta + m) / sin(theta).
        past_pi: what becomes of theta + m > pi. ``"monotone"``: cos(theta) - m sin(m), as in the original code.
            ``"easy_margin"``: no margin where cos(theta) <= 0, the original code's option. ``"plain"``: cos(theta + m),
            which rises again, as in the authors' PyTorch code.
    """

    def __init__(
        self,
        embedding_dim: int,
        n_classes: int,
        *,
        scale: float = 64.0,
        margin: float = 0.5,
        gradient: str = "exact",
        past_pi: str = "monotone",
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding_dim, n_classes, scale, seed)
        check_range("margin", margin, 0, math.pi / 2, " radians; 28.6 degrees are 0.5")
        check_choice("gradient", gradient, GRADIENTS)
        check_choice("past_pi", past_pi, PAST_PI)
        self.margin = margin
        self.gradient = gradient
        self.past_pi = past_pi

    def extra_repr(self) -> str:
        options = f"margin={self.margin}, gradient={self.gradient!r}, past_pi={self.past_pi!r}"
        return f"{super().extra_repr()}, {options}"

    def target_logit(self, cosine: Tensor) -> Tensor:
        """cos(theta + m), elementwise, past pi as chosen; not yet scaled. ``cosine`` is float32 or float64."""
        margin = self.margin_fraction * self.margin
        return enlarge_angle(cosine, margin, past_pi=self.past_pi, gradient=self.gradient)
