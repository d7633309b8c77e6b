from __future__ import annotations

import pytest
import torch

from course_lib.backbones import create


def test_parameter_count_by_hand():
    stages, count, channels = (32, 64, 128), 0, 1
    for stage in stages:
        for _ in range(2):
            count += channels * stage * 25 + stage + stage  # weights, biases, PReLU slopes
            channels = stage
    count += 128 * 9 * 2 + 2
    assert sum(p.numel() for p in create("lenet_plus_plus").parameters()) == count == 797_602


@pytest.mark.parametrize("batch_norm", [False, True])
def test_features_have_the_dimension_asked_for(batch_norm: bool):
    network = create("lenet_plus_plus", feature_dim=3, width=0.25, batch_norm=batch_norm, in_channels=3)
    assert network(torch.randn(2, 3, 28, 28)).shape == (2, 3)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"expects \(N, 1, 28, 28\)"):
        create("lenet_plus_plus")(torch.zeros(2, 1, 32, 32))
    with pytest.raises(ValueError, match="feature_dim 0"):
        create("lenet_plus_plus", feature_dim=0)
    with pytest.raises(ValueError, match="width is -1"):
        create("lenet_plus_plus", width=-1)
