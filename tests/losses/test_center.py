from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.losses import CenterLoss, Softmax


def center_loss(centers: list[list[float]], **options) -> CenterLoss:
    criterion = CenterLoss(len(centers[0]), len(centers), seed=0, **options)
    criterion.centers.copy_(torch.tensor(centers))
    return criterion


def test_value_and_gradient_by_hand():
    criterion = center_loss([[1.0, 0.0], [0.0, 2.0]], weight=0.1)
    embeddings = torch.tensor([[3.0, 0.0], [0.0, 1.0]], requires_grad=True)
    labels = torch.tensor([0, 1])
    loss = criterion(embeddings, labels)
    # squared distances 4 and 1, halved, averaged over two
    assert loss.parts["center"].item() == pytest.approx((4 + 1) / 2 / 2)
    assert loss.total.item() == pytest.approx(loss.parts["softmax"].item() + 0.1 * 1.25)
    (gradient,) = torch.autograd.grad(loss.total, embeddings)
    (softmax_only,) = torch.autograd.grad(criterion.classifier(embeddings, labels).total, embeddings)
    assert torch.allclose(gradient - softmax_only, 0.1 * torch.tensor([[2.0, 0.0], [0.0, -1.0]]) / 2)


def test_wens_step_with_one_and_three_of_a_class():
    criterion = center_loss([[0.0], [10.0], [7.0]], rule="wen", alpha=0.5)
    criterion(torch.tensor([[4.0], [1.0], [2.0], [6.0]]), torch.tensor([0, 1, 1, 1]))
    # class 0: 0 + 0.5 * 4 / (1 + 1); class 1: 10 + 0.5 * (-9 - 8 - 4) / (1 + 3); class 2 is absent
    assert torch.allclose(criterion.centers, torch.tensor([[1.0], [10 - 0.5 * 21 / 4], [7.0]]))


def test_the_moving_averages_step_with_one_and_three_of_a_class():
    criterion = center_loss([[0.0], [10.0], [7.0]], rule="moving_average", alpha=0.95)
    criterion(torch.tensor([[4.0], [1.0], [2.0], [6.0]]), torch.tensor([0, 1, 1, 1]))
    assert torch.allclose(criterion.centers, torch.tensor([[0.05 * 4], [10 - 0.05 * 21], [7.0]]))


def test_alpha_means_opposite_things():
    still = {"wen": 0.0, "moving_average": 1.0}
    for rule, alpha in still.items():
        criterion = center_loss([[0.0], [1.0]], rule=rule, alpha=alpha)
        criterion(torch.tensor([[5.0]]), torch.tensor([0]))
        assert criterion.centers.flatten().tolist() == [0.0, 1.0]


@given(n=st.integers(1, 200), alpha=st.floats(0, 1), residual=st.floats(-100, 100))
def test_wens_step_is_bounded_by_alpha_times_the_mean_residual(n: int, alpha: float, residual: float):
    criterion = center_loss([[0.0]], rule="wen", alpha=alpha)
    criterion(torch.full((n, 1), residual), torch.zeros(n, dtype=torch.int64))
    assert abs(criterion.centers.item()) <= alpha * abs(residual) * (1 + 1e-5) + 1e-30
    assert criterion.centers.item() == pytest.approx(alpha * n / (1 + n) * residual, rel=1e-4, abs=1e-30)


@pytest.mark.parametrize(("n", "diverges"), [(1, False), (10, False), (30, False), (39, False), (43, True), (48, True)])
def test_the_naive_moving_average_diverges_beyond_forty_of_a_class(n: int, diverges: bool):
    # n (1 - 0.95) > 2 from n = 41 on: each batch throws the center further past the mean than it was before.
    criterion = center_loss([[1.0]], rule="moving_average", alpha=0.95)
    for _ in range(200):
        criterion(torch.zeros(n, 1), torch.zeros(n, dtype=torch.int64))
    assert abs(criterion.centers.item()) > 1e6 if diverges else abs(criterion.centers.item()) < 1


@pytest.mark.parametrize("rule", ["wen", "moving_average"])
def test_the_fixed_point_is_the_class_mean(rule: str):
    embeddings = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, -1.0]])
    criterion = center_loss([[9.0, 9.0]], rule=rule)
    for _ in range(500):
        criterion(embeddings, torch.zeros(3, dtype=torch.int64))
    assert torch.allclose(criterion.centers[0], embeddings.mean(0), atol=1e-4)


def test_centers_are_not_trained_by_the_optimizer_and_rest_in_evaluation():
    criterion = center_loss([[0.0], [1.0]])
    assert "centers" in dict(criterion.named_buffers()) and "centers" not in dict(criterion.named_parameters())
    criterion.eval()(torch.tensor([[5.0]]), torch.tensor([0]))
    assert criterion.centers.flatten().tolist() == [0.0, 1.0]


def test_agrees_with_the_table_of_all_distances():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(32, 8, generator=generator, dtype=torch.float64)
    labels = torch.randint(5, (32,), generator=generator)
    criterion = CenterLoss(8, 5, seed=0).double()
    criterion.centers.copy_(torch.randn(5, 8, generator=generator, dtype=torch.float64))
    table = torch.cdist(embeddings, criterion.centers) ** 2
    expected = table[torch.arange(32), labels].mean() / 2
    assert criterion.eval()(embeddings, labels).parts["center"].item() == pytest.approx(expected.item(), rel=1e-12)


def test_it_is_added_to_any_classifier():
    classifier = Softmax(2, 3, seed=4)
    criterion = CenterLoss(2, 3, classifier=classifier, weight=0.0)
    embeddings, labels = torch.randn(4, 2), torch.tensor([0, 1, 2, 0])
    assert criterion(embeddings, labels).total.item() == pytest.approx(classifier(embeddings, labels).total.item())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "mean"}, "'mean' is not known; expected one of wen, moving_average"),
        ({"alpha": 1.5}, "alpha is 1.5; expected 0 to 1"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"weight": -1}, "weight is -1; expected 0 or more"),
        ({"weight": float("nan")}, "weight is nan"),
    ],
)
def test_bad_options_are_refused(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        CenterLoss(2, 3, **options)


def test_labels_out_of_range_are_refused_before_anything_moves():
    criterion = center_loss([[0.0], [1.0]])
    with pytest.raises(ValueError, match="label 2 at index 1 is out of range; expected 0..1"):
        criterion(torch.zeros(2, 1), torch.tensor([0, 2]))
    assert criterion.centers.flatten().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("rule", ["wen", "moving_average"])
def test_under_several_processes_the_centers_move_as_for_the_whole_batch(rule: str, monkeypatch: pytest.MonkeyPatch):
    """The other process holds the second half of the batch; what it would send is put beside what is given."""
    centers = [[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]
    embeddings = torch.tensor([[3.0, 0.0], [0.0, 1.0], [4.0, 4.0], [1.0, 1.0]])
    labels = torch.tensor([0, 1, 0, 2])
    alone = center_loss(centers, rule=rule)
    alone(embeddings, labels)
    theirs = {torch.float32: (embeddings - torch.tensor(centers)[labels])[2:], torch.int64: labels[2:]}

    def gather(places: list[torch.Tensor], mine: torch.Tensor) -> None:
        assert len(places) == 2 and mine.is_contiguous()
        for place, rows in zip(places, (mine, theirs[mine.dtype]), strict=True):
            place.copy_(rows)

    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_gather", gather)
    together = center_loss(centers, rule=rule)
    together(embeddings[:2], labels[:2])
    assert torch.allclose(together.centers, alone.centers) and not torch.allclose(alone.centers, torch.tensor(centers))


def test_all_else_is_the_classifiers():
    criterion = CenterLoss(2, 3, seed=0, weight=0.5)
    embeddings, labels = torch.tensor([[1.0, 2.0], [0.0, -1.0]]), torch.tensor([2, 0])
    alone, found = criterion.classifier(embeddings, labels), criterion(embeddings, labels)
    assert torch.equal(found.logits, alone.logits) and found.labels is alone.labels is None
    assert set(found.parts) == {"softmax", "center"} and torch.equal(found.parts["softmax"], alone.parts["softmax"])
    assert not found.parts["center"].requires_grad
    assert repr(CenterLoss(2, 3)).startswith("CenterLoss(\n  weight=0.003, rule='wen', alpha=0.5\n")
    assert "rule='moving_average', alpha=0.95" in repr(CenterLoss(2, 3, rule="moving_average"))
