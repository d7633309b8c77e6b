"""Distillation of relations: the student's embeddings lie to each other as the teacher's do, wherever that is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize, smooth_l1_loss

from course_lib.losses.base import Loss, check_batch, check_range
from course_lib.losses.taught import Taught


class RelationalDistillation(Taught):
    """Distances and angles between the images of a batch: embeddings (N, D'), image numbers (N,) -> ``Loss``.

    Distances are divided by their mean over the batch; the angle of three images is the cosine at the middle one. Both
    are compared with the teacher's by Huber's loss, and averaged over all pairs and triples. Nothing changes when the
    student's space is turned or scaled, so student and teacher may have different widths. Source: Park et al. 2019,
    "Relational knowledge distillation", equations 5 to 9.

    The logits (N, M) are minus the squared difference between the student's cosines to the batch and the teacher's
    cosines to it of each of the M images: their argmax is the image that lies to the others as this embedding does.

    Args:
        teacher: (M, D) float, one row an image.
        distance_weight, angle_weight: of the two terms, at least 0; by default the paper's. The angles need N^3 numbers
            a batch.

    Raises ``ValueError`` for a weight below 0, for a batch of fewer than three images, and as ``Taught`` does, but for
    the width.
    """

    def __init__(self, teacher: Tensor, *, distance_weight: float = 25.0, angle_weight: float = 50.0) -> None:
        super().__init__(teacher)
        check_range("distance_weight", distance_weight, 0, float("inf"))
        check_range("angle_weight", angle_weight, 0, float("inf"))
        self.distance_weight = distance_weight
        self.angle_weight = angle_weight

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, distance_weight={self.distance_weight}, angle_weight={self.angle_weight}"

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Both terms, over all pairs and triples of the batch."""
        check_batch(embeddings, labels, embeddings.shape[-1], len(self.teacher))
        if len(embeddings) < 3:
            raise ValueError(f"the batch has {len(embeddings)} image(s); an angle needs at least 3")
        unit, targets = normalize(embeddings), self.teacher[labels]
        distance = smooth_l1_loss(relative_distances(unit), relative_distances(targets))
        angle = smooth_l1_loss(angles(unit), angles(targets))
        with torch.no_grad():
            logits = -torch.cdist(unit @ unit.T, self.teacher @ targets.T).square()
        total = self.distance_weight * distance + self.angle_weight * angle
        return Loss(total, {"distance": distance.detach(), "angle": angle.detach()}, logits)


def relative_distances(points: Tensor) -> Tensor:
    """(N, D) -> (N, N) distances, divided by the mean over different points (equation 6)."""
    squared = (points[:, None] - points[None]).square().sum(2)
    # The root has no derivative at 0, where a point meets itself or its copy.
    distances = torch.where(squared > 0, squared, 1.0).sqrt() * (squared > 0)
    n = len(points)
    return distances / (distances.sum() / (n * (n - 1))).clamp_min(torch.finfo(points.dtype).tiny)


def angles(points: Tensor) -> Tensor:
    """(N, D) -> (N, N, N) cosines: entry (j, i, k) is that of the angle i-j-k at point j (equation 8); 0 where two of
    them coincide."""
    directions = normalize(points[None] - points[:, None], dim=2)  # (j, i, D): from j to i
    return directions @ directions.mT
