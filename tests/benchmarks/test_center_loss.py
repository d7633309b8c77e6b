from __future__ import annotations

import pytest
import torch

from benchmarks.center_loss import DistanceMatrix, NoClassifier, measure
from course_lib.losses import CenterLoss


def test_both_contestants_compute_the_same_loss_up_to_the_factor_one_half():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(12, 5, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.randint(7, (12,), generator=generator)
    centers = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    ours, matrix = CenterLoss(5, 7, weight=1.0, classifier=NoClassifier()).double(), DistanceMatrix(5, 7).double()
    ours.centers.copy_(centers)
    matrix.centers.data.copy_(centers)

    losses = ours(embeddings, labels).total, matrix(embeddings, labels)
    gradients = [torch.autograd.grad(loss, embeddings)[0] for loss in losses]
    assert losses[1].item() == pytest.approx(2 * losses[0].item(), rel=1e-9)
    assert torch.allclose(gradients[1], 2 * gradients[0], rtol=1e-9)
    assert not torch.equal(ours.centers, centers), "the update is part of our step"


def test_the_record_has_times_peaks_and_ratios():
    figures = measure(n_classes=50, embedding_dim=4, batch_size=16, rounds=2, steps=1, growth=(100, 2000))
    assert figures["milliseconds"].keys() == {"distance matrix", "CenterLoss"}
    matrix, ours = figures["peak_bytes"]["distance matrix"], figures["peak_bytes"]["CenterLoss"]
    # The matrix alone is batch x classes floats; ours keeps at most a counter of 8 bytes a class.
    assert matrix[1] - matrix[0] >= 4 * 16 * 1900
    assert ours[1] - ours[0] <= 2 * 8 * 1900
    assert [row["target"] for row in figures["comparisons"]] == [10.0, None, None, 0.01]
