from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from course_lib.losses import suggest_scale


@given(n_classes=st.integers(2, 12), probability=st.floats(0.55, 0.999999))
def test_classes_spread_evenly_reach_the_probability_with_that_scale_exactly(n_classes: int, probability: float):
    # The corners of a regular simplex, seen from its middle: as far apart as so many classes can be.
    corners = normalize(torch.eye(n_classes, dtype=torch.float64) - 1 / n_classes, dim=1)
    scale = suggest_scale(n_classes, probability)
    assert torch.softmax(scale * corners @ corners.t(), 1)[0, 0].item() == pytest.approx(probability, rel=1e-9)


def test_values_by_hand():
    assert suggest_scale(2, 0.9) == pytest.approx(math.log(9) / 2)
    assert suggest_scale(10_575, 0.9) == pytest.approx(11.46, abs=0.01)


@pytest.mark.parametrize(
    ("n_classes", "probability", "message"),
    [
        (1, 0.9, "n_classes is 1; expected at least 2"),
        (10, 1.0, "probability is 1.0; expected more than 1 / n_classes = 0.1, which chance gives, and less than 1"),
        (10, 0.1, "probability is 0.1; expected more than"),
        (10, math.nan, "probability is nan"),
    ],
)
def test_bad_values_are_refused(n_classes: int, probability: float, message: str):
    with pytest.raises(ValueError, match=message):
        suggest_scale(n_classes, probability)
