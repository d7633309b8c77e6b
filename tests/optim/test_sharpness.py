from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.losses import Softmax
from course_lib.optim import SAM, sharpness
from course_lib.optim.sharpness import top_eigenpair

NO_DATA = (torch.zeros(1, 1), torch.zeros(1, dtype=torch.int64))


class Weights(nn.Module):
    """A network whose embedding is its weights, whatever the image."""

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float64))

    def forward(self, images: Tensor) -> Tensor:
        return self.weights[None]


class Quadratic(nn.Module):
    """1/2 w'Aw."""

    def __init__(self, matrix: np.ndarray) -> None:
        super().__init__()
        self.matrix = torch.tensor(matrix, dtype=torch.float64)

    def forward(self, embeddings: Tensor, labels: Tensor) -> SimpleNamespace:
        return SimpleNamespace(total=embeddings[0] @ self.matrix @ embeddings[0] / 2)


def with_eigenvalues(values: list[float], seed: int) -> np.ndarray:
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))[0]
    return basis @ np.diag(values) @ basis.T


def largest_in_ball(matrix: np.ndarray, weights: np.ndarray, rho: float) -> float:
    """The maximum of 1/2 (w+e)'A(w+e) for ||e|| <= rho by the trust region's secular equation, A positive definite:
    e = (mu - A)^-1 A w with mu above all eigenvalues such that ||e|| = rho."""
    values, basis = np.linalg.eigh(matrix)
    slope = basis.T @ matrix @ weights
    low, high = values[-1] + 1e-13, values[-1] + np.linalg.norm(slope) / rho
    for _ in range(200):
        mu = (low + high) / 2
        low, high = (mu, high) if np.linalg.norm(slope / (mu - values)) > rho else (low, mu)
    there = weights + basis @ (slope / (mu - values))
    return float(there @ matrix @ there / 2)


@pytest.mark.slow
@settings(max_examples=25)
@given(
    values=st.lists(st.floats(0.1, 10), min_size=4, max_size=4),
    weights=st.lists(st.floats(-2, 2), min_size=4, max_size=4).filter(lambda w: np.linalg.norm(w) > 0.1),
    rho=st.floats(0.05, 2),
)
def test_the_largest_loss_on_a_quadratic(values: list[float], weights: list[float], rho: float):
    matrix = with_eigenvalues(values, seed=0)
    found = sharpness(Weights(weights), Quadratic(matrix), NO_DATA, rho=rho, ascent_steps=60, iterations=1)
    true = largest_in_ball(matrix, np.array(weights), rho)
    assert found.loss == pytest.approx(np.array(weights) @ matrix @ np.array(weights) / 2)
    assert found.largest_loss <= true * (1 + 1e-9)
    assert found.largest_loss - found.loss >= 0.97 * (true - found.loss)


def test_at_a_minimum_it_climbs_along_the_eigenvector():
    """There the gradient is zero; the largest loss within rho is rho^2 lambda / 2."""
    matrix = with_eigenvalues([7.0, 2.0, 0.5], seed=1)
    found = sharpness(Weights([0.0, 0.0, 0.0]), Quadratic(matrix), NO_DATA, rho=0.2)
    assert found.loss == 0 and found.largest_loss == found.increase == pytest.approx(0.2**2 * 7 / 2, rel=1e-5)


@pytest.mark.slow
@settings(max_examples=25)
@given(values=st.lists(st.floats(-10, 10), min_size=5, max_size=5))
def test_the_residual_bounds_the_error_of_the_eigenvalue(values: list[float]):
    matrix = with_eigenvalues(values, seed=2)
    found = sharpness(Weights([1.0] * 5), Quadratic(matrix), NO_DATA, rho=0.0, iterations=400)
    assert min(abs(found.eigenvalue - value) for value in values) <= found.residual + 1e-9
    assert found.eigenvalue <= max(values) + 1e-9
    assert found.iterations <= 800


@pytest.mark.parametrize(
    ("values", "top"),
    [([5.0, 3.0, 1.0], 5.0), ([-5.0, 3.0, 1.0], 3.0), ([-5.0, -3.0, -1.0], -1.0), ([0.0, 0.0, 0.0], 0.0)],
    ids=["positive", "indefinite", "negative", "zero"],
)
def test_the_top_eigenvalue(values: list[float], top: float):
    criterion = Quadratic(with_eigenvalues(values, seed=3))
    found = sharpness(Weights([1.0, 2.0, 3.0]), criterion, NO_DATA, tolerance=1e-6, iterations=500)
    assert found.converged and found.eigenvalue == pytest.approx(top, rel=1e-6, abs=1e-9)
    assert found.residual <= 1e-5 * 8


def test_what_has_not_converged_says_so():
    criterion = Quadratic(with_eigenvalues([5.0, 4.99, 1.0], seed=3))
    found = sharpness(Weights([1.0, 2.0, 3.0]), criterion, NO_DATA, iterations=3, tolerance=1e-9)
    assert not found.converged and found.iterations == 3 and found.residual > 0 and found.eigenvalue < 5


def test_the_products_are_counted():
    calls = []

    def product(vector: Tensor) -> Tensor:
        calls.append(1)
        return torch.tensor([-2.0, 1.0]) * vector

    value, vector, residual, products, converged = top_eigenpair(product, torch.tensor([1.0, 1.0]), 100, 1e-4)
    assert (products, converged) == (len(calls), True) and value == pytest.approx(1, rel=1e-3)
    assert vector.abs().tolist() == pytest.approx([0, 1], abs=1e-2) and residual < 1e-3


def small_network() -> tuple[nn.Module, Softmax, tuple[Tensor, Tensor]]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.PReLU(), nn.Flatten(), nn.Linear(48, 4))
    images = torch.randn(20, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    return net, Softmax(4, 3, seed=0), (images, torch.arange(20) % 3)


@pytest.mark.slow
def test_a_networks_eigenvalue_is_that_of_its_whole_hessian():
    net, criterion, data = small_network()
    found = sharpness(net, criterion, data, tolerance=1e-4, iterations=500)

    names = [("net", name) for name, _ in net.named_parameters()] + [
        ("head", n) for n, _ in criterion.named_parameters()
    ]
    parameters = [*net.parameters(), *criterion.parameters()]
    shapes = [p.shape for p in parameters]

    def loss(weights: Tensor) -> Tensor:
        pieces = weights.split([shape.numel() for shape in shapes])
        given = {key: piece.view(shape) for key, piece, shape in zip(names, pieces, shapes, strict=True)}
        own = {name: tensor for (owner, name), tensor in given.items() if owner == "net"}
        embeddings = torch.func.functional_call(net.eval(), own, data[0])
        return cross_entropy(embeddings @ given["head", "weight"].T + given["head", "bias"], data[1])

    weights = torch.cat([p.detach().flatten() for p in parameters])
    top = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, weights))[-1].item()
    assert found.converged and found.eigenvalue == pytest.approx(top, rel=1e-3)
    assert found.loss == pytest.approx(loss(weights).item(), rel=1e-5)


@pytest.mark.slow
def test_it_finds_at_least_what_sam_finds():
    net, criterion, data = small_network()
    found = sharpness(net, criterion, data, rho=0.3)
    seen = []

    def closure() -> Tensor:
        loss = criterion(net.eval()(data[0]), data[1]).total
        loss.backward()
        seen.append(loss.item())
        return loss

    SAM([*net.parameters(), *criterion.parameters()], lambda p: torch.optim.SGD(p, lr=0.1), rho=0.3).step(closure)
    assert found.loss == pytest.approx(seen[0], rel=1e-5)
    assert found.largest_loss >= seen[1] * (1 - 1e-5) > found.loss


@pytest.mark.slow
def test_a_larger_ball_holds_a_larger_loss():
    net, criterion, data = small_network()
    losses = [sharpness(net, criterion, data, rho=rho, iterations=3).largest_loss for rho in (0.0, 0.05, 0.2, 0.8)]
    assert losses == sorted(losses) and losses[0] == sharpness(net, criterion, data, iterations=1).loss < losses[1]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_and_the_result_is_frozen():
    net, criterion, data = small_network()
    found = sharpness(net, criterion, data, iterations=3)
    assert found == sharpness(net, criterion, data, iterations=3)
    assert found != sharpness(net, criterion, data, iterations=3, seed=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.loss = 0.0


@pytest.mark.parametrize(
    "options",
    [{"rho": -1}, {"rho": math.nan}, {"rho": math.inf}, {"ascent_steps": 0}, {"iterations": 0}, {"tolerance": 0}],
)
def test_bad_options_are_refused(options: dict):
    (name, value), *_ = options.items()
    with pytest.raises(ValueError, match=f"{name} (is )?{value}"):
        sharpness(Weights([1.0]), Quadratic(np.eye(1)), NO_DATA, **options)


def test_a_loss_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="the loss at the weights is nan"):
        sharpness(Weights([math.nan]), Quadratic(np.eye(1)), NO_DATA)
