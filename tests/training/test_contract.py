"""What fit asks of an optimizer."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD

from course_lib.losses import CenterLoss, Softmax
from course_lib.training import fit


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
