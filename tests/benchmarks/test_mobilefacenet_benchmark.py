from __future__ import annotations

import pytest
import torch

from benchmarks.mobilefacenet import OURS, USUAL, measure, usual
from course_lib import backbones


def test_both_are_the_same_network():
    theirs, ours = usual().eval(), backbones.create("mobilefacenet", seed=0).eval()
    counts = [sum(p.numel() for p in network.parameters()) for network in (theirs, ours)]
    assert counts == [1_003_136, 1_003_136]
    state, other = theirs.state_dict(), ours.state_dict()
    assert [value.shape for value in state.values()] == [value.shape for value in other.values()]
    theirs.load_state_dict(dict(zip(state, other.values(), strict=True)))
    images = torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(theirs(images), ours(images), atol=1e-5)


@pytest.mark.slow
def test_training_and_inference_are_raced():
    before = torch.get_num_threads()
    figures = measure(batch=2, rounds=2, threads=(1,))
    assert figures["images_a_second"].keys() == {"training, threads: 1", "inference, threads: 1"}
    assert all(rates.keys() == {USUAL, OURS} for rates in figures["images_a_second"].values())
    assert [row["target"] for row in figures["comparisons"]] == [1.3, 1.3]
    assert torch.get_num_threads() == before
