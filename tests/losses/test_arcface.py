from __future__ import annotations

import math

import pytest
import torch
from margin_examples import assert_equal_per_sample, at_cosine, batch, theirs
from pytorch_metric_learning.losses import ArcFaceLoss
from torch.nn.functional import softmax

from course_lib.losses import ArcFace

FAR = torch.tensor(-0.95, dtype=torch.float64)  # theta is 2.82, and 2.82 + 0.5 > pi


def test_by_hand():
    # cos(arccos(0.6) + 0.5) = 0.6 cos(0.5) - 0.8 sin(0.5)
    criterion = ArcFace(2, 2, scale=10, margin=0.5).double()
    assert criterion.target_logit(torch.tensor(0.6, dtype=torch.float64)).item() == pytest.approx(0.143009, abs=1e-6)
    loss = criterion(*at_cosine(criterion, 0.6, norm=3.0))
    assert loss.total.item() == pytest.approx(math.log(1 + math.exp(10 * (0.8 - 0.143009))), rel=1e-6)
    assert torch.allclose(loss.logits, torch.tensor([[6.0, 8.0]], dtype=torch.float64))


@pytest.mark.parametrize(
    ("past_pi", "expected"), [("plain", -0.983404), ("monotone", -1.189713), ("easy_margin", -0.95)]
)
def test_the_three_ways_past_pi(past_pi: str, expected: float):
    assert ArcFace(2, 2, past_pi=past_pi).target_logit(FAR).item() == pytest.approx(expected, abs=1e-6)


def test_past_pi_the_plain_form_rises_and_rewards_the_worst():
    ends = torch.tensor([math.pi - 0.5, math.pi - 1e-3], dtype=torch.float64).cos()
    at_bend, at_pi = ArcFace(2, 2, past_pi="plain").target_logit(ends)
    assert at_pi > at_bend + 0.1 and at_pi > ends[1] + 0.1


def test_the_monotone_form_steps_down_at_its_bend():
    around = torch.tensor([math.pi - 0.5 - 1e-9, math.pi - 0.5 + 1e-9], dtype=torch.float64).cos()
    before, after = ArcFace(2, 2).target_logit(around)
    assert before.item() == pytest.approx(-1) and after.item() == pytest.approx(-math.cos(0.5) - 0.5 * math.sin(0.5))


def test_the_easy_margin_ends_at_a_right_angle():
    left, right = ArcFace(2, 2, past_pi="easy_margin").target_logit(torch.tensor([-1e-6, 1e-6], dtype=torch.float64))
    assert left.item() == pytest.approx(0, abs=2e-6) and right.item() == pytest.approx(-math.sin(0.5), abs=2e-6)


@pytest.mark.parametrize(("cosine", "ratio"), [(0.6, 1.23715), (0.1, 0.92577)])
def test_the_exact_slope_has_the_factor_that_straight_through_leaves_out(cosine: float, ratio: float):
    slopes = []
    for gradient in ("exact", "straight_through"):
        at = torch.tensor(cosine, dtype=torch.float64, requires_grad=True)
        slopes.append(torch.autograd.grad(ArcFace(2, 2, gradient=gradient).target_logit(at), at)[0].item())
    assert slopes[1] == 1.0 and slopes[0] == pytest.approx(ratio, abs=1e-5)


def test_the_exact_slope_ends_at_the_clamp():
    # 2.4e-7 below 1, the slope of acos is 1 / sqrt(2 * 2.4e-7) = 1448; 0.6e-7 below, it is cut.
    cosine = (1 - torch.tensor([2.0**-22, 2.0**-24])).requires_grad_()
    (slope,) = torch.autograd.grad(ArcFace(2, 2).target_logit(cosine).sum(), cosine)
    assert slope[0].item() == pytest.approx(1448 * math.sin(0.5), rel=1e-2) and slope[1].item() == 0


@pytest.mark.parametrize("past_pi", ["monotone", "easy_margin", "plain"])
def test_the_two_gradients_have_one_value(past_pi: str):
    cosine = torch.linspace(-1, 1, 101)
    exact, straight = (
        ArcFace(2, 2, past_pi=past_pi, gradient=gradient).target_logit(cosine)
        for gradient in ("exact", "straight_through")
    )
    assert torch.allclose(exact, straight, atol=1e-6)


def test_the_straight_through_gradient_is_s_times_p_minus_y():
    criterion = ArcFace(8, 5, gradient="straight_through", seed=0).double()
    embeddings, labels = batch()
    embeddings = embeddings.double()
    loss = criterion(embeddings, labels)
    (found,) = torch.autograd.grad(loss.total, loss.logits)
    with_margin = loss.logits.detach().clone()
    rows = torch.arange(len(labels))
    with_margin[rows, labels] = 64 * criterion.target_logit(with_margin[rows, labels] / 64)
    expected = softmax(with_margin, dim=1)
    expected[rows, labels] -= 1
    assert torch.allclose(found, expected / len(labels), atol=1e-12)


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5, 1.2])
@pytest.mark.parametrize("scale", [8.0, 64.0])
def test_agrees_with_pytorch_metric_learning_sample_by_sample(margin: float, scale: float):
    criterion = ArcFace(8, 5, scale=scale, margin=margin, seed=0)
    embeddings, labels = batch(64)
    embeddings[:5] = -criterion.weight.detach() + 1e-4 * embeddings[:5]  # nearly opposite: far past pi
    labels[:5] = torch.arange(5)
    cosines = criterion(embeddings, labels).logits.gather(1, labels[:, None]) / scale
    assert margin == 0 or (cosines < math.cos(math.pi - margin)).sum() >= 5
    other = theirs(ArcFaceLoss, criterion, margin=math.degrees(margin), scale=scale)
    assert_equal_per_sample(criterion, other, embeddings, labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": 28.6}, "margin is 28.6; expected 0 to 1.571 radians; 28.6 degrees are 0.5"),
        ({"margin": -0.1}, "margin is -0.1; expected 0 to 1.571"),
        ({"margin": math.nan}, "margin is nan"),
        ({"gradient": "detached"}, "gradient 'detached' is not known; expected one of exact, straight_through"),
        ({"past_pi": "wrap"}, "past_pi 'wrap' is not known; expected one of monotone, easy_margin, plain"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        ArcFace(2, 3, **options)
