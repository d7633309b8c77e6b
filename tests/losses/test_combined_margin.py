from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from margin_examples import batch

from course_lib.losses import ArcFace, CombinedMargin, CosFace


@pytest.mark.parametrize("gradient", ["exact", "straight_through"])
@pytest.mark.parametrize("past_pi", ["monotone", "easy_margin", "plain"])
def test_arcface_is_a_special_case(gradient: str, past_pi: str):
    options = {"gradient": gradient, "past_pi": past_pi, "seed": 0}
    embeddings, labels = batch()
    found = CombinedMargin(8, 5, m1=1, m2=0.5, m3=0, **options)(embeddings, labels)
    assert torch.equal(found.total, ArcFace(8, 5, margin=0.5, **options)(embeddings, labels).total)


def test_cosface_is_a_special_case():
    embeddings, labels = batch()
    found = CombinedMargin(8, 5, m1=1, m2=0, m3=0.35, seed=0)(embeddings, labels).total
    assert found.item() == pytest.approx(CosFace(8, 5, seed=0)(embeddings, labels).total.item(), rel=1e-5)


@pytest.mark.parametrize(("m1", "m2", "m3"), [(1.0, 0.3, 0.2), (1.35, 0.0, 0.0), (0.9 + 0.3, 0.4, 0.15)])
def test_each_sample_by_plain_arithmetic(m1: float, m2: float, m3: float):
    criterion = CombinedMargin(8, 5, scale=30.0, m1=m1, m2=m2, m3=m3, seed=0).double()
    embeddings, labels = batch(32)
    embeddings[0] = -criterion.weight[labels[0]].detach()  # theta is pi
    past = 0
    for embedding, label in zip(embeddings.double(), labels.tolist(), strict=True):
        cosines = [
            sum(a * b for a, b in zip(embedding.tolist(), row, strict=True)) / (math.hypot(*row) * embedding.norm())
            for row in criterion.weight.tolist()
        ]
        theta = math.acos(max(-1.0, min(1.0, cosines[label])))
        bend = (math.pi - m2) / m1
        if theta <= bend:
            target = math.cos(m1 * theta + m2) - m3
        else:
            target, past = math.cos(theta) - (math.pi - bend) * math.sin(bend) - m3, past + 1
        others = [math.exp(30 * (cosine - target)) for j, cosine in enumerate(cosines) if j != label]
        found = criterion(embedding[None], torch.tensor([label])).total.item()
        # the clamp to 1 - 1e-7 moves an angle of pi by 0.0004
        assert found == pytest.approx(math.log1p(sum(others)), rel=1e-5)
    assert past >= 1


@settings(deadline=None)
@given(m1=st.floats(1, 4), m2=st.floats(0, math.pi / 2), m3=st.floats(0, 1))
def test_monotone_is_monotone_wherever_it_is_accepted(m1: float, m2: float, m3: float):
    try:
        criterion = CombinedMargin(2, 2, m1=m1, m2=m2, m3=m3)
    except ValueError as error:
        assert "the logit would rise" in str(error) and (math.pi - m2) / m1 < 0.82
        return
    logits = criterion.target_logit(torch.linspace(0, math.pi, 500, dtype=torch.float64).cos())
    assert (logits.diff() <= 1e-6).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"m1": 0.5}, "m1 is 0.5; expected 1 to 4"),
        ({"m2": 30.0}, "m2 is 30.0; expected 0 to 1.571 radians"),
        ({"m3": -0.1}, "m3 is -0.1; expected 0 to 1 in units of the cosine"),
        ({"m1": 4.0}, "with m1 = 4.0 and m2 = 0.3 the logit would rise at theta = 0.71"),
        ({"gradient": "none"}, "gradient 'none' is not known"),
        ({"past_pi": "none"}, "past_pi 'none' is not known"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        CombinedMargin(2, 3, **options)
