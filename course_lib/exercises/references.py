"""What an exercise is checked with where the library has no such function: the formulas, followed to the letter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

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
