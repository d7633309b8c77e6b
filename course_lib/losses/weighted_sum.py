"""Several criteria at once, each with its weight."""

from __future__ import annotations

import math

from torch import Tensor, nn

from course_lib.losses.base import Loss


class WeightedSum(nn.Module):
    """``WeightedSum((1.0, CosineDistillation(t)), (0.1, RelationalDistillation(t)))``: embeddings, labels -> ``Loss``.

    The total is the weighted sum of the totals; the logits and their labels are the first criterion's. All criteria
    must mean the same by a label. A part that two criteria name alike keeps its name for the first and gets a number
    after it for the others.

    Raises ``ValueError`` where there is no criterion, or a weight is no number of 0 or more.
    """

    def __init__(self, *terms: tuple[float, nn.Module]) -> None:
        super().__init__()
        if not terms:
            raise ValueError("there is no criterion to sum; give pairs (weight, criterion)")
        for weight, _ in terms:
            if not 0 <= weight < math.inf:
                raise ValueError(f"a weight is {weight}; expected 0 or more")
        self.weights = tuple(weight for weight, _ in terms)
        self.criteria = nn.ModuleList(criterion for _, criterion in terms)

    @property
    def n_classes(self) -> int | None:
        """The fewest that a criterion has, as labels must fit all of them; None where none says how many it has."""
        told = (getattr(criterion, "n_classes", None) for criterion in self.criteria)
        return min((n for n in told if n is not None), default=None)

    def extra_repr(self) -> str:
        return f"weights={self.weights}"

    def forward(self, embeddings: Tensor, labels: Tensor) -> Loss:
        """Each criterion on the same embeddings."""
        losses = [criterion(embeddings, labels) for criterion in self.criteria]
        parts: dict[str, Tensor] = {}
        for number, loss in enumerate(losses, start=1):
            parts |= {name if name not in parts else f"{name} {number}": part for name, part in loss.parts.items()}
        total = sum(weight * loss.total for weight, loss in zip(self.weights, losses, strict=True))
        return Loss(total, parts, losses[0].logits, losses[0].labels)
