from __future__ import annotations

import math

import pytest
import torch

from course_lib.losses import Softmax


def test_by_hand():
    criterion = Softmax(2, 2)
    with torch.no_grad():
        criterion.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        criterion.bias.copy_(torch.tensor([0.0, 1.0]))
    loss = criterion(torch.tensor([[2.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 0]))
    # logits are (2, 1) and (0, 4); the loss of a row is log(1 + exp(other - own))
    expected = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(4))) / 2
    assert loss.total.item() == pytest.approx(expected, rel=1e-6)
    assert torch.equal(loss.logits, torch.tensor([[2.0, 1.0], [0.0, 4.0]]))
    assert set(loss.parts) == {"softmax"} and not loss.parts["softmax"].requires_grad


def test_the_first_loss_is_about_log_c():
    embeddings = 0.1 * torch.randn(256, 64, generator=torch.Generator().manual_seed(1))
    loss = Softmax(64, 1000, seed=0)(embeddings, torch.arange(256))
    assert loss.total.item() == pytest.approx(math.log(1000), abs=0.05)


@pytest.mark.parametrize(
    ("embeddings", "labels", "error", "message"),
    [
        (torch.zeros(2, 3), torch.tensor([0, 1]), ValueError, r"shape \(2, 3\); this criterion expects \(N, 4\)"),
        (torch.zeros(2, 4), torch.tensor([0, 5]), ValueError, r"label 5 at index 1 is out of range; expected 0..4"),
        (torch.zeros(2, 4), torch.tensor([-1, 0]), ValueError, r"label -1 at index 0"),
        (torch.zeros(2, 4), torch.tensor([0]), ValueError, r"of shape \(1,\); expected torch.int64 of shape \(2,\)"),
        (torch.zeros(2, 4), torch.tensor([0.0, 1.0]), ValueError, "labels are torch.float32"),
    ],
)
def test_bad_batches_are_refused(embeddings, labels, error, message):
    with pytest.raises(error, match=message):
        Softmax(4, 5)(embeddings, labels)
