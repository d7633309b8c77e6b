"""Center loss: pull every embedding towards the center of its class (Wen et al. 2016, ECCV)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.losses.base import Loss
from course_lib.losses.softmax import Softmax

# What alpha is when none is given. It means opposite things: Wen's is a step, the moving average's a memory.
DEFAULT_ALPHA = {"wen": 0.5, "moving_average": 0.95}


class CenterLoss(nn.Module):
    """Softmax plus ``weight`` times center loss: embeddings (N, D) float, labels (N,) int64 -> ``Loss``.

    The center term is half the squared distance to the class's center, averaged over the batch: L_C = 1/2N sum ||x_i -
    c_yi||^2. (The paper's equation 2 sums; with a mean, ``weight`` does not depend on the batch size.) Its gradient
    reaches the embeddings only. The centers (C, D) are a buffer, moved after each training batch by one of two rules,
    with r = x - c:

    ``"wen"``: c <- c + alpha * sum(r) / (1 + n) over the n embeddings of the class in the batch (equation 4; alpha
    0.5). The step never exceeds alpha times the mean residual.

    ``"moving_average"``: c <- c + (1 - alpha) * r for each embedding, all taken from the same c (alpha 0.95). This is
    what common code does by scatter-subtract; n embeddings of one class move the center n (1 - alpha) times their mean
    residual, so it overshoots for n (1 - alpha) > 1 and diverges for n (1 - alpha) > 2.

    Args:
        embedding_dim: D.
        n_classes: C.
        weight: lambda in the paper's equation 5, at least 0.
        rule: ``"wen"`` or ``"moving_average"``.
        alpha: in [0, 1]; None takes the rule's own default.
        classifier: the criterion it is added to; ``Softmax`` by default.
        seed: fixes the default classifier's initial weights.

    In training mode ``forward`` moves the centers; ``.eval()`` holds them still. Under several processes, all of them
    see the whole batch's residuals, so the centers stay equal everywhere.

    Raises ``ValueError`` for an option out of range, embeddings of another width, and labels out of range.
    """

    centers: Tensor

    def __init__(
        self,
        embedding_dim: int,
        n_classes: int,
        *,
        weight: float = 0.003,
        rule: str = "wen",
        alpha: float | None = None,
        classifier: nn.Module | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        if rule not in DEFAULT_ALPHA:
            raise ValueError(f"rule {rule!r} is not known; expected one of {', '.join(DEFAULT_ALPHA)}")
        alpha = DEFAULT_ALPHA[rule] if alpha is None else alpha
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha is {alpha}; expected 0 to 1")
        if not weight >= 0:
            raise ValueError(f"weight is {weight}; expected 0 or more")
        self.n_classes = n_classes
        self.weight = weight
        self.rule = rule
        self.alpha = alpha
        self.classifier = Softmax(embedding_dim, n_classes, seed=seed) if classifier is None else classifier
        self.register_buffer("centers", torch.zeros(n_classes, embedding_dim))

    def extra_repr(self) -> str:
        return f"weight={self.weight}, rule={self.rule!r}, alpha={self.alpha}"

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Both losses; in training mode the centers then take their step."""
        loss = self.classifier(embeddings, labels)
        # Only the batch's own centers are gathered: no (N, C) table of distances is ever built.
        residuals = embeddings - self.centers[labels]
        center = residuals.square().sum(1).mean() / 2
        if self.training:
            self._move_centers(residuals.detach(), labels)
        return Loss(loss.total + self.weight * center, {**loss.parts, "center": center.detach()}, loss.logits)

    @torch.no_grad()
    def _move_centers(self, residuals: Tensor, labels: Tensor) -> None:
        residuals, labels = _from_all_processes(residuals, labels)
        if self.rule == "wen":
            count = torch.bincount(labels, minlength=len(self.centers))[labels]
            step = self.alpha / (1 + count)[:, None]
        else:
            step = 1 - self.alpha
        self.centers.index_add_(0, labels, (step * residuals).to(self.centers.dtype))


def _from_all_processes(residuals: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return residuals, labels
    processes = torch.distributed.get_world_size()
    all_residuals = [torch.empty_like(residuals) for _ in range(processes)]
    all_labels = [torch.empty_like(labels) for _ in range(processes)]
    torch.distributed.all_gather(all_residuals, residuals.contiguous())
    torch.distributed.all_gather(all_labels, labels.contiguous())
    return torch.cat(all_residuals), torch.cat(all_labels)
