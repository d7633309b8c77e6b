from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from margin_examples import assert_equal_per_sample, batch, theirs
from pytorch_metric_learning.losses import SphereFaceLoss

from course_lib.losses import SphereFace
from course_lib.losses.sphereface import cosine_of_multiple


def plain(margin: int, **options) -> SphereFace:
    """A-Softmax without annealing."""
    return SphereFace(8, 5, margin=margin, lambda_start=0, lambda_min=0, seed=0, **options)


@given(theta=st.floats(0, math.pi), times=st.integers(1, 8))
def test_the_polynomial_is_the_cosine_of_the_multiple(theta: float, times: int):
    found = cosine_of_multiple(torch.tensor(theta, dtype=torch.float64).cos(), times)
    assert found.item() == pytest.approx(math.cos(times * theta), abs=1e-9)


@pytest.mark.parametrize(
    ("theta", "expected"),
    [
        (0.0, 1.0),
        (math.pi / 8, 0.0),  # cos(4 theta)
        (math.pi / 2, 1.0 - 4),  # k = 2
        (5 * math.pi / 8, 0.0 - 4),  # k = 2
        (0.9 * math.pi, -math.cos(3.6 * math.pi) - 6),  # k = 3
        (math.pi, -1.0 - 6),
    ],
)
def test_psi_by_hand(theta: float, expected: float):
    psi = plain(4).psi(torch.tensor(math.cos(theta), dtype=torch.float64))
    assert psi.item() == pytest.approx(expected, abs=1e-6)


def test_at_pi_the_slope_keeps_its_sign():
    # With k = m at theta = pi, psi would have its value and the opposite slope.
    cosine = torch.tensor([-1.0, -0.9999], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(plain(4).psi(cosine).sum(), cosine)
    assert slope[0].item() == pytest.approx(16.0) and slope[1].item() == pytest.approx(16.0, rel=1e-2)


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # the other library's own, with NumPy 2
@pytest.mark.parametrize("margin", [1, 2, 3, 4])
def test_agrees_with_pytorch_metric_learning_sample_by_sample(margin: int):
    criterion = plain(margin)
    assert_equal_per_sample(criterion, theirs(SphereFaceLoss, criterion, margin=margin), *batch(64))


@settings(deadline=None, max_examples=30)
@given(iteration=st.integers(0, 10_000), margin=st.integers(1, 5))
def test_annealed_each_sample_by_plain_arithmetic(iteration: int, margin: int):
    criterion = SphereFace(8, 5, margin=margin, seed=1).double().eval()
    criterion.iteration.fill_(iteration)
    weight = max(5.0, 1000 / (1 + 0.12 * iteration))
    embeddings, labels = batch(4, seed=iteration + 2)
    losses = []
    for embedding, label in zip(embeddings.double(), labels.tolist(), strict=True):
        norm = math.hypot(*embedding.tolist())
        logits = [
            sum(a * b for a, b in zip(embedding.tolist(), row, strict=True)) / math.hypot(*row)
            for row in criterion.weight.tolist()
        ]
        theta = math.acos(logits[label] / norm)
        k = int(margin * theta / math.pi)
        psi = (-1) ** k * math.cos(margin * theta) - 2 * k
        logits[label] = norm * (weight * math.cos(theta) + psi) / (1 + weight)
        losses.append(math.log(sum(math.exp(logit - logits[label]) for logit in logits)))
    assert criterion(embeddings.double(), labels).total.item() == pytest.approx(sum(losses) / 4, rel=1e-6)


def test_the_annealing_counts_training_batches_only():
    criterion, (embeddings, labels) = SphereFace(8, 5), batch()
    weights = []
    for _ in range(3):
        weights.append(criterion.softmax_weight.item())
        criterion(embeddings, labels)
    criterion.eval()(embeddings, labels)
    assert weights == pytest.approx([1000, 1000 / 1.12, 1000 / 1.24])
    assert int(criterion.iteration) == 3
    criterion.iteration.fill_(10**6)
    assert criterion.softmax_weight.item() == 5


def test_a_refused_batch_is_not_counted():
    criterion = SphereFace(8, 5)
    with pytest.raises(ValueError, match="norm zero"):
        criterion(torch.zeros(2, 8), torch.tensor([0, 1]))
    assert int(criterion.iteration) == 0


def test_the_state_dict_holds_the_count():
    criterion, other = SphereFace(8, 5, seed=0), SphereFace(8, 5, seed=1)
    embeddings, labels = batch()
    for _ in range(3):
        criterion(embeddings, labels)
    other.load_state_dict(criterion.state_dict())
    assert torch.equal(other(embeddings, labels).total, criterion(embeddings, labels).total)
    assert int(other.iteration) == 4


def test_the_loss_grows_with_the_annealing():
    criterion, (embeddings, labels) = SphereFace(8, 5, seed=0).eval(), batch()
    losses = []
    for iteration in (0, 100, 10_000):
        criterion.iteration.fill_(iteration)
        losses.append(criterion(embeddings, labels).total.item())
    assert losses == sorted(losses) and losses[2] > losses[0] + 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 0}, "margin is 0; expected a whole number of at least 1"),
        ({"margin": 2.5}, "margin is 2.5; expected a whole number"),
        ({"margin": math.nan}, "margin is nan"),
        ({"lambda_start": -1}, "lambda_start is -1; expected 0 to"),
        ({"lambda_decay": math.nan}, "lambda_decay is nan"),
        ({"lambda_min": -5}, "lambda_min is -5"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        SphereFace(2, 3, **options)
