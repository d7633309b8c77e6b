"""What an exercise is checked with where the library has no such function: the formulas, followed to the letter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


def sgd_losses(
    net: nn.Module,
    criterion: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    learning_rate: float,
    *,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
) -> list[float]:
    """The loss of each of some ``(images, labels)`` before its step of SGD; trains ``net`` and ``criterion`` in place.

    For every weight v <- momentum * v + gradient + weight_decay * w, then w <- w - learning_rate * v: what
    ``torch.optim.SGD`` does. ``criterion(net(images), labels)`` returns a loss with a ``total``.

    >>> sgd_losses(net, losses.Softmax(3, 5), [(images, labels)], 0.1)  # doctest: +SKIP
    [1.63]
    """
    import torch  # here: the other exercises do without it

    weights, found = [*net.parameters(), *criterion.parameters()], []
    velocities = [torch.zeros_like(weight) for weight in weights]
    for images, labels in batches:
        loss = criterion(net(images), labels).total
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, velocity, gradient in zip(weights, velocities, gradients, strict=True):
                # Multiply and add in one operation, as the optimizer does: rounded otherwise, two runs drift apart.
                velocity.mul_(momentum).add_(gradient.add(weight, alpha=weight_decay))
                weight.add_(velocity, alpha=-learning_rate)
        found.append(loss.item())
    return found


def eer_of_people(
    scores: np.ndarray, same: np.ndarray, left_person: np.ndarray, right_person: np.ndarray, drawn: np.ndarray
) -> float:
    """The EER of the pairs of people ``drawn`` with replacement, each copy of a person a person of its own.

    Of (P,) ``scores``, a genuine pair (``same``) counts as often as its person was drawn, an impostor pair as often as
    the product of both says. The curve is a straight line between the points of equal scores.

    >>> eer_of_people(scores, same, left, right, np.array([0, 2, 2]))  # doctest: +SKIP
    0.11
    """
    weights = np.sum(left_person[:, None] == drawn, axis=1)
    weights[~same] *= np.sum(right_person[~same, None] == drawn, axis=1)
    order = np.argsort(-scores)
    last = np.append(np.diff(scores[order]) != 0, True)  # pairs of equal scores are accepted together
    far, tar = (np.append(0, np.cumsum((weights * kind)[order])[last]) for kind in (~same, same))
    return float(np.interp(0, far / far[-1] + tar / tar[-1] - 1, far / far[-1]))
