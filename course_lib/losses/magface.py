"""MagFace: the larger an embedding's norm, the larger its margin, so that the norm tells quality (Meng et al. 2021)."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor
from torch.linalg import vector_norm

from course_lib.losses.angle import PAST_PI, enlarge_angle
from course_lib.losses.base import Loss, check_choice, check_range
from course_lib.losses.margin_softmax import MarginSoftmax


class MagFace(MarginSoftmax):
    """ArcFace with a margin m(a) and a regulariser g(a) of the norm a: embeddings (N, D), labels (N,) -> ``Loss``.

    a is the norm, clamped to ``norm_bounds`` [l_a, u_a]. The margin m(a) grows linearly over them from the lower to the
    upper of ``margin_bounds`` [l_m, u_m]; g(a) = a / u_a^2 + 1 / a falls up to u_a. The total is the cross-entropy
    plus lambda_g times the mean of g (Meng et al. 2021, "MagFace: A Universal Representation for Face Recognition and
    Quality Assessment", CVPR). Outside the bounds neither term moves the norm: a network that starts with norms far
    below l_a needs other bounds.

    Args:
        embedding_dim, n_classes, seed: see ``MarginSoftmax``.
        scale: s.
        margin_bounds: l_m and u_m in radians, within 0 to pi/2.
        norm_bounds: l_a and u_a, 0 < l_a < u_a.
        norm_weight: lambda_g. At least s k u_a^2 l_a^2 / (u_a^2 - l_a^2), k = (u_m - l_m) / (u_a - l_a), so that there
            is one best norm within the bounds. That is 22.6 for the defaults: the default of the official trainer, 20,
            is refused, and the 35 of its training scripts is not.
        past_pi: as ``ArcFace``'s; the official code's default is ``"easy_margin"``.

    Raises ``ValueError`` also for a ``norm_weight`` below that bound, which the message states.
    """

    def __init__(
        self,
        embedding_dim: int,
        n_classes: int,
        *,
        scale: float = 64.0,
        margin_bounds: tuple[float, float] = (0.45, 0.8),
        norm_bounds: tuple[float, float] = (10.0, 110.0),
        norm_weight: float = 35.0,
        past_pi: str = "easy_margin",
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding_dim, n_classes, scale, seed)
        low, high = norm_bounds
        if not 0 < low < high < math.inf:
            raise ValueError(f"norm_bounds are {norm_bounds}; expected two norms, 0 < lower < upper")
        check_range("the upper of margin_bounds", margin_bounds[1], 0, math.pi / 2, " radians")
        check_range("the lower of margin_bounds", margin_bounds[0], 0, margin_bounds[1], ", the upper")
        check_choice("past_pi", past_pi, PAST_PI)
        slope = (margin_bounds[1] - margin_bounds[0]) / (high - low)
        least = scale * slope * high**2 * low**2 / (high**2 - low**2)
        if not least <= norm_weight < math.inf:
            raise ValueError(
                f"norm_weight is {norm_weight}; with this scale and these bounds MagFace expects at least {least:.4g} "
                "(s k u_a^2 l_a^2 / (u_a^2 - l_a^2)), or the best norm may lie outside norm_bounds. Give a larger "
                "weight, or a smaller scale or range of margins"
            )
        self.margin_bounds = tuple(margin_bounds)
        self.norm_bounds = tuple(norm_bounds)
        self.norm_weight = norm_weight
        self.past_pi = past_pi

    def extra_repr(self) -> str:
        bounds = f"margin_bounds={self.margin_bounds}, norm_bounds={self.norm_bounds}"
        return f"{super().extra_repr()}, {bounds}, norm_weight={self.norm_weight}, past_pi={self.past_pi!r}"

    def margin(self, norms: Tensor) -> Tensor:
        """m(a) in radians, elementwise."""
        (low, high), (least, most) = self.norm_bounds, self.margin_bounds
        return least + (most - least) / (high - low) * (norms.clamp(low, high) - low)

    def norm_penalty(self, norms: Tensor) -> Tensor:
        """g(a), elementwise."""
        low, high = self.norm_bounds
        norms = norms.clamp(low, high)
        return norms / high**2 + 1 / norms

    @staticmethod
    def quality(embeddings: Tensor) -> Tensor:
        """Norms (N,) float of embeddings (N, D): in a network trained with MagFace, larger for better photographs."""
        return vector_norm(embeddings, dim=1, dtype=torch.promote_types(embeddings.dtype, torch.float32))

    def target_logit(self, cosine: Tensor, norms: Tensor) -> Tensor:
        """cos(theta + m(a)), elementwise, of cosines and norms that broadcast; not yet scaled."""
        return enlarge_angle(cosine, self.margin_fraction * self.margin(norms), past_pi=self.past_pi)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Cross-entropy with the margin plus the regulariser, both averaged over the batch."""
        directions, norms = self._directions(embeddings, labels)
        loss, logits = self._cross_entropy(directions, norms, labels, partial(self.target_logit, norms=norms))
        penalty = self.norm_penalty(norms).mean()
        parts = {"margin_softmax": loss.detach(), "norm": penalty.detach()}
        return Loss(loss + self.norm_weight * penalty, parts, logits)
