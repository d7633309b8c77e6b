from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib import evaluation, losses
from course_lib.exercises.references import eer_of_people, sgd_losses


def problem() -> tuple[torch.nn.Module, torch.nn.Module, list[tuple[torch.Tensor, torch.Tensor]]]:
    generator = torch.Generator().manual_seed(0)
    net = torch.nn.Linear(4, 3)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
    batches = [(torch.randn(6, 4, generator=generator), torch.randint(5, (6,), generator=generator)) for _ in range(5)]
    return net, losses.Softmax(3, 5, seed=0), batches


@pytest.mark.parametrize("options", [{}, {"momentum": 0.5, "weight_decay": 0.1}])
def test_sgd_by_its_formulas_is_that_of_pytorch_to_the_last_bit(options: dict[str, float]) -> None:
    net, criterion, batches = problem()
    found = sgd_losses(net, criterion, batches, 0.3, **options)
    other, its_criterion, _ = problem()
    weights = [*other.parameters(), *its_criterion.parameters()]
    optimizer = torch.optim.SGD(weights, lr=0.3, **({"momentum": 0.9, "weight_decay": 5e-4} | options))
    for (images, labels), loss in zip(batches, found, strict=True):
        optimizer.zero_grad()
        expected = its_criterion(other(images), labels).total
        expected.backward()
        optimizer.step()
        assert loss == expected.item()
    for ours, theirs in zip([*net.parameters(), *criterion.parameters()], weights, strict=True):
        assert torch.equal(ours, theirs)


def test_no_batch_is_no_loss_and_no_step() -> None:
    net, criterion, _ = problem()
    before = [weight.clone() for weight in net.parameters()]
    assert sgd_losses(net, criterion, [], 0.3) == []
    torch.testing.assert_close(list(net.parameters()), before)


@pytest.mark.parametrize("decimals", [1, 9])  # with many equal scores, and with none
@pytest.mark.parametrize("seed", range(5))
def test_eer_of_people_is_that_of_the_pairs_written_out(seed: int, decimals: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = (side.repeat(3) for side in np.triu_indices(5))
    same, scores = left == right, rng.normal(size=45).round(decimals)
    drawn = np.array([0, 1, *rng.integers(5, size=3)])
    listed = []
    for one in range(len(drawn)):
        for other in range(one, len(drawn)):
            if one == other or drawn[one] != drawn[other]:
                pair = sorted((drawn[one], drawn[other]))
                listed.append(np.flatnonzero((left == pair[0]) & (right == pair[1])))
    every = np.concatenate(listed)
    expected = evaluation.eer(scores[every], same[every]).rate
    assert eer_of_people(scores, same, left, right, drawn) == pytest.approx(expected, abs=1e-12)
