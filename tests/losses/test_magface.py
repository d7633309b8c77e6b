from __future__ import annotations

import math

import pytest
import torch
from margin_examples import MAGFACE, at_cosine, batch

from course_lib.losses import ArcFace, MagFace


@pytest.mark.parametrize("past_pi", ["easy_margin", "monotone", "plain"])
def test_each_sample_by_plain_arithmetic(past_pi: str):
    criterion = MagFace(8, 5, **MAGFACE, past_pi=past_pi, seed=0).double()
    low, high = 2.5, 5.0
    embeddings, labels = batch(40)
    clamped = 0
    for embedding, label in zip(embeddings.double(), labels.tolist(), strict=True):
        norm = math.hypot(*embedding.tolist())
        a = min(max(norm, low), high)
        clamped += a != norm
        margin = 0.45 + (0.8 - 0.45) * (a - low) / (high - low)
        cosines = [
            sum(x * w for x, w in zip(embedding.tolist(), row, strict=True)) / (math.hypot(*row) * norm)
            for row in criterion.weight.tolist()
        ]
        theta = math.acos(cosines[label])
        target = math.cos(theta + margin)
        if past_pi == "easy_margin" and cosines[label] <= 0:
            target = cosines[label]
        if past_pi == "monotone" and theta + margin > math.pi:
            target = cosines[label] - margin * math.sin(margin)
        others = [math.exp(64 * (cosine - target)) for j, cosine in enumerate(cosines) if j != label]
        loss = criterion(embedding[None], torch.tensor([label]))
        assert loss.parts["margin_softmax"].item() == pytest.approx(math.log1p(sum(others)), rel=1e-6)
        assert loss.parts["norm"].item() == pytest.approx(a / high**2 + 1 / a)
        assert loss.total.item() == pytest.approx(math.log1p(sum(others)) + 75 * (a / high**2 + 1 / a), rel=1e-6)
    assert 0 < clamped < 40


def test_with_one_margin_it_is_arcface_plus_a_regulariser():
    embeddings, labels = batch()
    magface = MagFace(8, 5, margin_bounds=(0.5, 0.5), past_pi="monotone", seed=0)(embeddings, labels)
    arcface = ArcFace(8, 5, margin=0.5, seed=0)(embeddings, labels)
    assert magface.parts["margin_softmax"].item() == pytest.approx(arcface.total.item(), rel=1e-6)


def test_the_margin_and_the_penalty_are_the_papers():
    criterion = MagFace(2, 2)
    norms = torch.tensor([1.0, 10.0, 60.0, 110.0, 500.0])
    assert torch.allclose(criterion.margin(norms), torch.tensor([0.45, 0.45, 0.625, 0.8, 0.8]))
    penalty = criterion.norm_penalty(torch.linspace(10, 110, 50, dtype=torch.float64))
    assert (penalty.diff() < 0).all() and (penalty.diff().diff() > 0).all(), "falling and convex"
    assert penalty[-1].item() == pytest.approx(2 / 110)


def test_an_easy_sample_is_pulled_to_a_larger_norm_than_a_hard_one():
    """The best norm, found by gradient descent on the norm alone, tells how well a sample fits its class."""
    best = []
    for cosine in (0.98, 0.75):
        criterion = MagFace(2, 2, **MAGFACE, scale=32).double()
        direction, label = at_cosine(criterion, cosine)
        norm = torch.tensor(3.5, dtype=torch.float64, requires_grad=True)
        for _ in range(300):
            (slope,) = torch.autograd.grad(criterion(norm * direction, label).total, norm)
            with torch.no_grad():
                norm.sub_(0.05 * slope).clamp_(2.5, 5.0)
        best.append(norm.item())
    assert best[0] > best[1] + 0.1


def test_outside_the_bounds_the_norm_is_not_moved():
    criterion = MagFace(2, 2, **MAGFACE).double()
    direction, label = at_cosine(criterion, 0.6)
    for value, moves in ((1.0, False), (3.0, True), (9.0, False)):
        norm = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(criterion(norm * direction, label).total, norm)
        assert (abs(slope.item()) > 1e-6) == moves


def test_quality_is_the_norm():
    embeddings = torch.tensor([[3.0, 4.0], [0.0, 0.5]])
    assert MagFace.quality(embeddings).tolist() == [5.0, 0.5]
    assert MagFace.quality(embeddings.bfloat16()).dtype == torch.float32


def test_the_official_trainers_default_weight_violates_the_bound():
    with pytest.raises(ValueError, match=r"norm_weight is 20; .* expects at least 22.59 \(s k u_a\^2 l_a\^2"):
        MagFace(2, 3, norm_weight=20)
    for weight in (22.6, 35.0):
        assert MagFace(2, 3, norm_weight=weight).norm_weight == weight
    # the published setting for fine-tuning where norms are about 1
    MagFace(2, 3, norm_bounds=(1, 51), margin_bounds=(0.45, 1), norm_weight=5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm_bounds": (110, 10)}, r"norm_bounds are \(110, 10\); expected two norms, 0 < lower < upper"),
        ({"norm_bounds": (0, 10)}, "0 < lower < upper"),
        ({"margin_bounds": (0.45, 2.0)}, "the upper of margin_bounds is 2.0; expected 0 to 1.571 radians"),
        ({"margin_bounds": (0.9, 0.8)}, "the lower of margin_bounds is 0.9; expected 0 to 0.8, the upper"),
        ({"norm_weight": math.nan}, "norm_weight is nan"),
        ({"past_pi": "hard"}, "past_pi 'hard' is not known"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        MagFace(2, 3, **options)
