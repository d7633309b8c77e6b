"""How large the scale of cosine logits must be."""

from __future__ import annotations

import math


def suggest_scale(n_classes: int, probability: float) -> float:
    """The smallest scale s with which softmax over cosines can give the target ``probability``.

    s = (C - 1) / C * ln((C - 1) P / (1 - P)). It is reached where embeddings lie on their class's weight and the
    weights are spread evenly, each at cosine -1 / (C - 1) from the others; real weights need more (Wang et al. 2017,
    NormFace; Wang et al. 2018, CosFace).

    Args:
        n_classes: C, at least 2.
        probability: P, more than chance, 1 / C, and less than 1.

    Raises ``ValueError`` for values out of range.
    """
    if not n_classes >= 2:
        raise ValueError(f"n_classes is {n_classes}; expected at least 2")
    if not 1 / n_classes < probability < 1:
        raise ValueError(
            f"probability is {probability}; expected more than 1 / n_classes = {1 / n_classes:.4g}, "
            "which chance gives, and less than 1"
        )
    others = n_classes - 1
    return others / n_classes * math.log(others * probability / (1 - probability))
