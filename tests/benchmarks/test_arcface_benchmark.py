from __future__ import annotations

import pytest
import torch

from benchmarks.arcface import OURS, THEIRS, contestants, measure, step
from benchmarks.center_loss import batch


def test_both_compute_the_same_loss_and_gradients():
    embeddings, labels = batch(n_classes=50, embedding_dim=16, batch_size=12)
    found = {}
    for name, criterion in contestants(50, 16).items():
        total = step(criterion, embeddings, labels)()
        weight = criterion.weight if name == OURS else criterion.W
        found[name] = total, embeddings.grad.clone(), weight.grad if name == OURS else weight.grad.t()
    assert found[OURS][0] == pytest.approx(found[THEIRS][0], rel=1e-5)
    for ours, theirs in zip(found[OURS][1:], found[THEIRS][1:], strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5 * theirs.abs().max())


def test_the_record_has_times_peaks_and_ratios():
    figures = measure(n_classes=2000, embedding_dim=64, batch_size=16, rounds=2)
    assert figures["milliseconds"].keys() == figures["peak_bytes"].keys() == {THEIRS, OURS}
    assert figures["loss"][OURS] == pytest.approx(figures["loss"][THEIRS], rel=1e-4)
    # The gradient of the weights is there in both; theirs has the normalised weights and their gradient as well.
    assert 4 * 2000 * 64 <= figures["peak_bytes"][OURS] <= 0.7 * figures["peak_bytes"][THEIRS]
    assert [row["target"] for row in figures["comparisons"]] == [1.3, 0.7]
