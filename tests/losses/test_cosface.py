from __future__ import annotations

import math

import pytest
from margin_examples import assert_equal_per_sample, at_cosine, batch, theirs
from pytorch_metric_learning.losses import CosFaceLoss

from course_lib.losses import CosFace


def test_by_hand():
    criterion = CosFace(2, 2, scale=10, margin=0.35).double()
    # the target is at 0.6 - 0.35, the other at 0.8
    loss = criterion(*at_cosine(criterion, 0.6, norm=5.0))
    assert loss.total.item() == pytest.approx(math.log(1 + math.exp(10 * (0.8 - 0.25))), rel=1e-6)


@pytest.mark.parametrize("margin", [0.0, 0.35, 1.0])
@pytest.mark.parametrize("scale", [8.0, 64.0])
def test_agrees_with_pytorch_metric_learning_sample_by_sample(margin: float, scale: float):
    criterion = CosFace(8, 5, scale=scale, margin=margin, seed=0)
    assert_equal_per_sample(criterion, theirs(CosFaceLoss, criterion, margin=margin, scale=scale), *batch(64))


@pytest.mark.parametrize("margin", [-0.1, 1.1, math.nan])
def test_a_margin_out_of_range_is_refused(margin: float):
    with pytest.raises(ValueError, match=f"margin is {margin}; expected 0 to 1 in units of the cosine"):
        CosFace(2, 3, margin=margin)
