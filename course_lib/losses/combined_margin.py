"""The combined margin of SphereFace, ArcFace and CosFace (Deng et al. 2019, CVPR, equation 4)."""

from __future__ import annotations

import math

from torch import Tensor

from course_lib.losses.angle import GRADIENTS, PAST_PI, enlarge_angle
from course_lib.losses.base import check_choice, check_range
from course_lib.losses.margin_softmax import MarginSoftmax


class CombinedMargin(MarginSoftmax):
    """The target's logit is s * (cos(m1 theta + m2) - m3): embeddings (N, D) float, labels (N,) int64 -> ``Loss``.

    (1, m, 0) is ArcFace and (1, 0, m) is CosFace.

    Args:
        embedding_dim, n_classes, seed: see ``MarginSoftmax``.
        scale: s.
        m1: multiplies the angle, 1 to 4.
        m2: is added to it, in radians, 0 to pi/2.
        m3: is taken from the cosine, 0 to 1.
        gradient, past_pi: see ``ArcFace``, and ``enlarge_angle`` for what ``"monotone"`` is with m1.

    Raises ``ValueError`` also for ``past_pi="monotone"`` with margins so large that the logit would not be monotone.
    """

    def __init__(
        self,
        embedding_dim: int,
        n_classes: int,
        *,
        scale: float = 64.0,
        m1: float = 1.0,
        m2: float = 0.3,
        m3: float = 0.2,
        gradient: str = "exact",
        past_pi: str = "monotone",
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding_dim, n_classes, scale, seed)
        check_range("m1", m1, 1, 4)
        check_range("m2", m2, 0, math.pi / 2, " radians")
        check_range("m3", m3, 0, 1, " in units of the cosine")
        check_choice("gradient", gradient, GRADIENTS)
        check_choice("past_pi", past_pi, PAST_PI)
        bend = (math.pi - m2) / m1  # the angle that grows to pi
        if past_pi == "monotone" and math.cos(bend) - (math.pi - bend) * math.sin(bend) > -1:
            raise ValueError(
                f"with m1 = {m1} and m2 = {m2} the logit would rise at theta = {bend:.2f}, where m1 theta + m2 passes "
                'pi; expected smaller margins, or past_pi="easy_margin" or "plain"'
            )
        self.margins = (m1, m2, m3)
        self.gradient = gradient
        self.past_pi = past_pi

    def extra_repr(self) -> str:
        m1, m2, m3 = self.margins
        options = f"m1={m1}, m2={m2}, m3={m3}, gradient={self.gradient!r}, past_pi={self.past_pi!r}"
        return f"{super().extra_repr()}, {options}"

    def target_logit(self, cosine: Tensor) -> Tensor:
        """cos(m1 theta + m2) - m3, elementwise, past pi as chosen; not yet scaled. ``cosine`` is float32 or float64."""
        m1, m2, m3 = self.margins
        fraction = self.margin_fraction
        times, plus = 1 + fraction * (m1 - 1), fraction * m2
        enlarged = enlarge_angle(cosine, plus, times=times, past_pi=self.past_pi, gradient=self.gradient)
        return enlarged - fraction * m3
