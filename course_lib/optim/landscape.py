"""The loss as a function of one flat vector: all weights of a network and its criterion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

Batch = tuple[Tensor, Tensor]


class Landscape:
    """The mean loss over ``data`` at any weights, its gradient, and its Hessian times a vector.

    Args:
        model: images -> embeddings.
        criterion: ``criterion(embeddings, labels)``, whose ``total`` is the mean loss of a batch.
        data: one batch (images (N, C, H, W) float, labels (N,) int64), or an iterable of batches, which is kept whole.

    ``weights`` (P,) are those of all parameters that require a gradient, the model's first, as they are now. A point of
    the landscape is such a vector. The loss is that of the network as deployed: in evaluation mode, so that batch norm
    uses its running statistics and dropout is off. Modules, weights, gradients, buffers and modes are left as they are:
    other weights, and copies of the buffers, go in by ``torch.func.functional_call``.

    Raises ``ValueError`` where there is no batch, a batch is no such pair, or nothing requires a gradient.
    """

    def __init__(self, model: nn.Module, criterion: nn.Module, data: Batch | Iterable[Batch]) -> None:
        self._objective = _Objective(model, criterion)
        self._parameters = {name: p for name, p in self._objective.named_parameters() if p.requires_grad}
        if not self._parameters:
            raise ValueError("no parameter requires a gradient; expected at least one")
        self.weights = torch.cat([p.detach().flatten() for p in self._parameters.values()])
        is_batch = isinstance(data, tuple) and len(data) == 2 and isinstance(data[0], Tensor)
        self._batches = [_checked(batch, self.weights.device) for batch in ([data] if is_batch else data)]
        self._size = sum(len(labels) for _, labels in self._batches)
        if not self._size:
            raise ValueError("there are no images to compute the loss of; expected at least one")

    def loss(self, weights: Tensor) -> float:
        """The loss at ``weights`` (P,)."""
        with torch.no_grad():
            return sum(loss.item() for loss in self._losses(weights))

    @torch.enable_grad()
    def gradient(self, weights: Tensor) -> tuple[float, Tensor]:
        """The loss at ``weights`` and its gradient (P,)."""
        weights = weights.detach().requires_grad_()
        total, gradient = 0.0, torch.zeros_like(weights)
        for loss in self._losses(weights):
            total += loss.item()
            gradient += torch.autograd.grad(loss, weights)[0]
        return total, gradient

    @torch.enable_grad()
    def hessian_product(self, weights: Tensor, vector: Tensor) -> Tensor:
        """The Hessian at ``weights`` times ``vector`` (P,): the gradient of (gradient . vector)."""
        weights = weights.detach().requires_grad_()
        product = torch.zeros_like(weights)
        for loss in self._losses(weights):
            (gradient,) = torch.autograd.grad(loss, weights, create_graph=True)
            if gradient.requires_grad:  # else the loss is linear here
                product += torch.autograd.grad(gradient @ vector, weights)[0]
        return product

    def _losses(self, weights: Tensor) -> Iterator[Tensor]:
        """Each batch's share of the mean loss."""
        shapes = [p.shape for p in self._parameters.values()]
        buffers = {name: buffer.clone() for name, buffer in self._objective.named_buffers()}
        with _as_deployed(self._objective):
            for images, labels in self._batches:
                pieces = weights.split([shape.numel() for shape in shapes])
                named = {n: piece.view(s) for n, piece, s in zip(self._parameters, pieces, shapes, strict=True)}
                loss = functional_call(self._objective, {**named, **buffers}, (images, labels))
                yield loss * (len(labels) / self._size)


class _Objective(nn.Module):
    def __init__(self, model: nn.Module, criterion: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.criterion = criterion

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.criterion(self.model(images), labels).total


@contextmanager
def _as_deployed(objective: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in objective.modules()]
    objective.eval()
    try:
        # Fused attention has no second derivative.
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _checked(batch: object, device: torch.device) -> Batch:
    if not (isinstance(batch, (tuple, list)) and len(batch) == 2 and all(isinstance(part, Tensor) for part in batch)):
        raise ValueError(f"a batch is {type(batch).__name__}; expected (images, labels), two tensors")
    images, labels = batch
    if not images.is_floating_point() or len(images) != len(labels):
        raise ValueError(
            f"a batch has images {images.dtype} {tuple(images.shape)} and labels {tuple(labels.shape)}; "
            "expected float images, normalised as the network takes them, and one label each"
        )
    return images.to(device), labels.to(device)
