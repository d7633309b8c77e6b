"""Softmax over scaled cosines with a margin on the target's: what SphereFace, CosFace, ArcFace and MagFace share."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm
from torch.nn.functional import cross_entropy, linear

from course_lib.losses.base import Loss, check_batch


class MarginSoftmax(nn.Module):
    """Cross-entropy over s * cos(theta_j), the target's cosine replaced by a smaller one: the margin.

    theta_j is the angle between an embedding and the weight of class j. A subclass says in ``target_logit`` what the
    target's cosine becomes; the logits that are returned are s * cos(theta_j) for every class, without margin.

    Everything is computed in float32, or in float64 if the embeddings or the weights are, also for embeddings in half
    precision and under autocast.

    Args:
        embedding_dim: D.
        n_classes: C.
        scale: s, more than 0; None takes each embedding's own norm instead.
        seed: fixes the initial weights, drawn from N(0, 0.01); None draws from PyTorch's global random state.

    The ``weight`` (C, D) is trained with the backbone: give its parameters to the optimizer too.

    Raises ``ValueError`` for an option out of range, an empty batch, embeddings of another width, labels out of range,
    and an embedding of norm zero, which has no angle (the index is named). On a GPU the loss of such an embedding is
    NaN instead: looking would make the host wait.
    """

    # The share of the margin that applies: MarginSchedule sets it.
    margin_fraction: float | Tensor = 1.0

    def __init__(self, embedding_dim: int, n_classes: int, scale: float | None, seed: int | None) -> None:
        super().__init__()
        if scale is not None and not 0 < scale < math.inf:
            raise ValueError(f"scale is {scale}; expected more than 0, such as 64, or what suggest_scale gives")
        self.embedding_dim = embedding_dim
        self.n_classes = n_classes
        self.scale = scale
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.empty(n_classes, embedding_dim).normal_(std=0.01, generator=generator))

    def extra_repr(self) -> str:
        scale = "" if self.scale is None else f", scale={self.scale}"
        return f"embedding_dim={self.embedding_dim}, n_classes={self.n_classes}{scale}"

    def target_logit(self, cosine: Tensor) -> Tensor:
        """What takes the place of the target's cosine, elementwise; not yet scaled."""
        raise NotImplementedError

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Cross-entropy with the margin, averaged over the batch."""
        directions, norms = self._directions(embeddings, labels)
        loss, logits = self._cross_entropy(directions, norms, labels, self.target_logit)
        return Loss(loss, {"margin_softmax": loss.detach()}, logits)

    def _directions(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings' directions (N, D) and norms (N, 1), in float32 or more."""
        check_batch(embeddings, labels, self.embedding_dim, self.n_classes)
        dtype = torch.promote_types(embeddings.dtype, self.weight.dtype)
        embeddings = embeddings.to(torch.promote_types(dtype, torch.float32))
        norms = vector_norm(embeddings, dim=1, keepdim=True)
        if norms.device.type == "cpu" and not norms.all():
            index = int((norms == 0).nonzero()[0, 0])
            raise ValueError(
                f"the embedding at index {index} has norm zero, so it has no angle to a class; let the backbone end in "
                "a linear layer or a batch norm, not in a ReLU, and look for constant images"
            )
        return embeddings / norms, norms

    def _cross_entropy(
        self, directions: Tensor, norms: Tensor, labels: Tensor, target_logit: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The loss, and the logits (N, C) without margin."""
        scale = norms if self.scale is None else self.scale
        weight = self.weight.to(directions.dtype)
        # The product is divided by the weights' norms: normalised weights, as large as the weights, are never built.
        with torch.autocast(directions.device.type, enabled=False):
            logits = linear(scale * directions, weight) * vector_norm(weight, dim=1).reciprocal()  # (N, C)
        # The margin is computed for the targets alone, and needs no one-hot table.
        own = logits.gather(1, labels[:, None])  # (N, 1)
        with_margin = logits.scatter(1, labels[:, None], scale * target_logit(own / scale))
        return cross_entropy(with_margin, labels), logits
