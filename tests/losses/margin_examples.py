"""One of each margin criterion, and embeddings whose cosines to the classes are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from pytorch_metric_learning.reducers import DoNothingReducer
from torch import Tensor, nn

from course_lib.losses import ArcFace, CombinedMargin, CosFace, MagFace, SphereFace

# Norms of 2 to 6, so that MagFace's clamp is met and passed.
MAGFACE = {"norm_bounds": (2.5, 5.0), "norm_weight": 75.0}

# Name -> criterion of (embedding_dim, n_classes), with every way past pi and both gradients among them.
CRITERIA: dict[str, Callable[..., nn.Module]] = {
    "sphereface": lambda *sizes: SphereFace(*sizes, seed=1),
    "sphereface without annealing": lambda *sizes: SphereFace(*sizes, lambda_start=0, lambda_min=0, seed=1),
    "cosface": lambda *sizes: CosFace(*sizes, seed=1),
    "arcface": lambda *sizes: ArcFace(*sizes, seed=1),
    "arcface, easy margin": lambda *sizes: ArcFace(*sizes, past_pi="easy_margin", seed=1),
    "arcface, plain": lambda *sizes: ArcFace(*sizes, past_pi="plain", seed=1),
    "arcface, straight-through": lambda *sizes: ArcFace(*sizes, gradient="straight_through", seed=1),
    "combined": lambda *sizes: CombinedMargin(*sizes, m1=1.2, seed=1),
    "magface": lambda *sizes: MagFace(*sizes, **MAGFACE, seed=1),
    "magface, monotone": lambda *sizes: MagFace(*sizes, **MAGFACE, past_pi="monotone", seed=1),
}


def batch(n: int = 16, dim: int = 8, n_classes: int = 5, seed: int = 7) -> tuple[Tensor, Tensor]:
    """Random embeddings (n, dim) float32 of norms 2 to 6, and labels (n,); with a criterion's own seed they would be
    its weights."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(n, dim, generator=generator), dim=1)
    norms = 2 + 4 * torch.rand(n, 1, generator=generator)
    return norms * directions, torch.randint(n_classes, (n,), generator=generator)


def at_cosine(criterion: nn.Module, cosine: float, norm: float = 1.0) -> tuple[Tensor, Tensor]:
    """One embedding (1, 2) at a given cosine to class 0, the class itself, and weights that make it so.

    ``criterion`` has two dimensions and two classes; class 1 is at a right angle to class 0.
    """
    with torch.no_grad():
        criterion.weight.copy_(torch.tensor([[0.3, 0.0], [0.0, 7.0]]))
    embeddings = norm * torch.tensor([[cosine, math.sqrt(1 - cosine**2)]], dtype=criterion.weight.dtype)
    return embeddings, torch.tensor([0])


def without_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meta tensors, which have no values to read, have no autocast either."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())


def theirs(kind: type, criterion: nn.Module, **options: float) -> nn.Module:
    """A loss of pytorch-metric-learning with the criterion's weights, which gives one loss a sample."""
    other = kind(criterion.n_classes, criterion.embedding_dim, reducer=DoNothingReducer(), **options)
    other.W.data = criterion.weight.detach().t().clone()
    return other


def assert_equal_per_sample(criterion: nn.Module, other: nn.Module, embeddings: Tensor, labels: Tensor) -> None:
    """Loss and gradient with respect to the embedding, of each sample alone."""
    embeddings = embeddings.detach().requires_grad_()
    expected = other(embeddings, labels)["loss"]["losses"]
    found = torch.stack([criterion(embeddings[i : i + 1], labels[i : i + 1]).total for i in range(len(labels))])
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
    gradients = [torch.autograd.grad(losses.sum(), embeddings)[0] for losses in (found, expected)]
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-4)
