"""What fit asks of an optimizer, and of batches and labels before the work."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD

from course_lib.losses import ArcFace, CenterLoss, Softmax, WeightedSum, margin_schedule
from course_lib.training import fit, frozen
from course_lib.training.contract import check_labels


class TwoCalls(SGD):
    """An optimizer that looks twice, as SAM does, and holds the buffers of ``held`` the second time."""

    held: nn.Module | None = None

    def step(self, closure):
        with torch.enable_grad():
            closure()
            kept = {} if self.held is None else {key: value.clone() for key, value in self.held.state_dict().items()}
            loss = closure()
        for name, buffer in [] if self.held is None else self.held.named_buffers():
            buffer.copy_(kept[name])
        super().step()
        return loss


def two_calls(backbone: nn.Module, criterion: nn.Module, held: nn.Module | None) -> TwoCalls:
    optimizer = TwoCalls([*backbone.parameters(), *criterion.parameters()], lr=0.01)
    optimizer.held = held
    return optimizer


def test_an_optimizer_may_look_twice(tiny_net, stripes):
    criterion, looks = Softmax(5, 3), []
    tiny_net.register_forward_hook(lambda *_: looks.append(1))
    history = fit(
        tiny_net, criterion, stripes, optimizer=two_calls(tiny_net, criterion, tiny_net), epochs=1, batch_size=30
    )
    assert len(looks) == 6 and history.last["step"] == 3 and tiny_net.norm.num_batches_tracked == 3


@pytest.mark.parametrize("held", ["nothing", "backbone", "criterion"])
def test_a_buffer_that_moves_at_each_look_is_named(tiny_net, stripes, held):
    criterion = CenterLoss(5, 3)
    optimizer = two_calls(tiny_net, criterion, {"backbone": tiny_net, "criterion": criterion}.get(held))
    moved = r"criterion\.centers" if held == "backbone" else r"backbone\.norm\.running_mean"
    message = rf"called the closure more than once, and {moved} moved each time.*module=\[backbone, criterion\]"
    with pytest.raises(ValueError, match=message):
        fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=1)


def test_a_resumed_run_is_asked_again(tiny_net, stripes, tmp_path):
    criterion, checkpoint = Softmax(5, 3), tmp_path / "run.ckpt"
    optimizer = two_calls(tiny_net, criterion, tiny_net)
    fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=1, checkpoint=checkpoint)
    optimizer.held = None
    with pytest.raises(ValueError, match="more than once"):
        fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=2, checkpoint=checkpoint)


def test_networks_without_records_may_be_looked_at_twice(stripes):
    backbone, criterion = nn.Sequential(nn.Flatten(), nn.Linear(72, 5)), Softmax(5, 3)
    optimizer = two_calls(backbone, criterion, held=None)
    assert len(fit(backbone, criterion, stripes, optimizer=optimizer, epochs=1)) == 1


def test_one_look_is_not_held_against_a_buffer_that_is_not_finite(tiny_net, stripes):
    tiny_net.register_buffer("unset", torch.full((1,), torch.nan))
    optimizer = SGD([*tiny_net.parameters(), *(criterion := Softmax(5, 3)).parameters()], lr=0.01)
    assert len(fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=1)) == 1


def test_a_forgotten_parameter_is_named(tiny_net, stripes):
    optimizer = SGD(tiny_net.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="does not hold criterion.weight, so it would never be trained"):
        fit(tiny_net, Softmax(5, 3), stripes, optimizer=optimizer, epochs=1)


def test_what_is_frozen_may_be_left_out(tiny_net, stripes):
    criterion = Softmax(5, 3).requires_grad_(False)
    assert len(fit(tiny_net, criterion, stripes, optimizer=SGD(tiny_net.parameters(), lr=0.1), epochs=1)) == 1


# --- What is known before the work ---


class Norms(nn.Module):
    """Batch norms over a map and over a vector."""

    def __init__(self, *, side: int = 8) -> None:
        super().__init__()
        self.seen = 0
        self.stem = nn.Sequential(nn.BatchNorm2d(1), nn.AdaptiveAvgPool2d(side))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(side * side, 5), nn.BatchNorm1d(5))

    def forward(self, images):
        self.seen += self.training
        return self.head(self.stem(images))


def trained(backbone, images, n_classes=3, **options):
    criterion = Softmax(5, n_classes, seed=0)
    optimizer = torch.optim.SGD([*backbone.parameters(), *criterion.parameters()], lr=0.01)
    return fit(backbone, criterion, images, optimizer=optimizer, epochs=1, precision="32-true", **options)


@pytest.mark.parametrize(("images", "batch_size"), [(6, 1), (1, 64)])
def test_batch_norm_over_one_number_is_refused_before_the_work(stripes, images, batch_size):
    backbone = Norms()
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    words = rf"one image \(batch_size {batch_size}, {images} images.*backbone\.head\.2, a batch norm"
    with pytest.raises(ValueError, match=words):
        trained(backbone, stripes.subset(range(images)), batch_size=batch_size)
    assert backbone.seen == 0 and backbone.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.state_dict().items())


def test_batch_norm_over_a_map_takes_one_image(stripes, tiny_net):
    assert len(trained(tiny_net, stripes.subset(range(4)), batch_size=1)) == 1


def test_two_images_are_enough(stripes):
    assert len(trained(Norms(), stripes.subset(range(3)), batch_size=2)) == 1  # two batches of two, none of one


def test_a_frozen_batch_norm_takes_one_image(stripes):
    backbone = Norms()
    with frozen(backbone, "head"):
        assert len(trained(backbone, stripes.subset(range(2)), batch_size=1)) == 1


def test_a_label_without_a_class_is_refused_before_the_work(stripes):
    backbone = Norms()
    with pytest.raises(ValueError, match=r"image 2 has the label 2, and the criterion, Softmax, has 2 classes, 0\.\.1"):
        trained(backbone, stripes, n_classes=2)
    assert backbone.seen == 0
    criterion = CenterLoss(5, 2)
    with pytest.raises(ValueError, match=r"CenterLoss, has 2 classes, 0\.\.1; make it with n_classes=3"):
        check_labels(criterion, stripes)
    check_labels(CenterLoss(5, 3), stripes)
    check_labels(nn.Identity(), stripes)  # which does not say


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: margin_schedule(inner, 10),
        lambda inner: WeightedSum((1.0, nn.Identity()), (0.5, inner)),
        lambda inner: WeightedSum((1.0, Softmax(5, 9)), (0.5, margin_schedule(inner, 10))),
    ],
)
def test_a_label_without_a_class_is_refused_before_the_work_by_criteria_in_others(around, stripes):
    with pytest.raises(ValueError, match=r"has 2 classes, 0\.\.1; make it with n_classes=3"):
        check_labels(around(ArcFace(5, 2)), stripes)
    check_labels(around(ArcFace(5, 3)), stripes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, "epochs is -1; expected at least 0, a whole number"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"batch_size": 2.5}, "batch_size is 2.5; expected at least 1, a whole number"),
        ({"checkpoint_every": 0}, "checkpoint_every is 0; expected at least 1"),
        ({"seed": -1}, "seed is -1; expected at least 0"),
        ({"checkpoint": "."}, r"\. is a folder; expected a checkpoint's file, such as run\.ckpt"),
    ],
)
def test_numbers_that_cannot_be_are_refused_before_the_work(stripes, options, message):
    backbone, criterion = Norms(), Softmax(5, 3)
    optimizer = SGD([*backbone.parameters(), *criterion.parameters()], lr=0.01)
    with pytest.raises(ValueError, match=message):
        fit(backbone, criterion, stripes, **{"optimizer": optimizer, "epochs": 1, **options})
    assert backbone.seen == 0


def test_images_without_labels_are_refused(stripes):
    with pytest.raises(TypeError, match="the images are a Tensor; expected an ImageSet, with labels"):
        trained(Norms(), stripes.images)
