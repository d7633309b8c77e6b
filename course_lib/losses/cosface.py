"""CosFace: the target's cosine must lead by a margin (Wang et al. 2018, CVPR; as AM-Softmax: Wang et al. 2018)."""

from __future__ import annotations

from torch import Tensor

from course_lib.losses.base import check_range
from course_lib.losses.margin_softmax import MarginSoftmax


class CosFace(MarginSoftmax):
    """The target's logit is s * (cos(theta) - m) (equation 4): embeddings (N, D) float, labels (N,) int64 -> ``Loss``.

    Args:
        embedding_dim, n_classes, seed: see ``MarginSoftmax``.
        scale: s.
        margin: m, in units of the cosine, 0 to 1. The paper has 0.35, others 0.4.
    """

    def __init__(
        self, embedding_dim: int, n_classes: int, *, scale: float = 64.0, margin: float = 0.35, seed: int | None = None
    ) -> None:
        super().__init__(embedding_dim, n_classes, scale, seed)
        check_range("margin", margin, 0, 1, " in units of the cosine")
        self.margin = margin

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, margin={self.margin}"

    def target_logit(self, cosine: Tensor) -> Tensor:
        """cos(theta) - m, elementwise; not yet scaled."""
        return cosine - self.margin_fraction * self.margin
