from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from course_lib import backbones
from course_lib.losses import Softmax
from course_lib.optim import SAM
from course_lib.training import fit, frozen


def state(net: nn.Module) -> dict[str, torch.Tensor]:
    return copy.deepcopy(net.state_dict())


def moved(before: dict[str, torch.Tensor], net: nn.Module) -> set[str]:
    """The stages whose parameters or buffers are no longer what they were."""
    return {name.split(".")[0] for name, now in net.state_dict().items() if not torch.equal(before[name], now)}


def train(net: nn.Module, stripes, epochs: int = 2) -> None:
    criterion = Softmax(5, 3, seed=0)
    optimizer = torch.optim.SGD([*net.parameters(), *criterion.parameters()], lr=0.1, momentum=0.9, weight_decay=0.1)
    fit(net, criterion, stripes, optimizer=optimizer, epochs=epochs, batch_size=30)


@pytest.mark.parametrize(
    ("freeze", "learns"),
    [
        ("all", set()),
        ("none", {"conv", "norm", "out"}),
        (["conv", "norm"], {"out"}),
        ("norm", {"conv", "out"}),
        (["dropout", "out"], {"conv", "norm"}),
        ((), {"conv", "norm", "out"}),
    ],
)
def test_only_what_is_free_moves_and_weight_decay_does_not_reach_the_rest(tiny_net, stripes, freeze, learns):
    before = state(tiny_net)
    with frozen(tiny_net, freeze):
        train(tiny_net, stripes)
    assert moved(before, tiny_net) == learns


def test_the_trap_weights_without_gradient_do_not_hold_the_statistics(tiny_net, stripes):
    before = state(tiny_net)
    tiny_net.requires_grad_(False)
    train(tiny_net, stripes)
    assert moved(before, tiny_net) == {"norm"}
    assert not torch.equal(before["norm.running_mean"], tiny_net.norm.running_mean)


def test_a_frozen_network_is_the_same_function_in_training_mode(tiny_net, stripes):
    images = torch.rand(4, 1, 8, 9)
    expected = tiny_net.eval()(images)
    with frozen(tiny_net):
        assert torch.equal(tiny_net.train()(images), expected)  # no dropout, no statistics of the batch
    assert not torch.allclose(tiny_net.train()(images), expected)


def test_afterwards_everything_is_trained_but_what_was_not_before(tiny_net, stripes):
    tiny_net.conv.requires_grad_(False)
    with pytest.raises(RuntimeError, match="stop"), frozen(tiny_net, ["conv", "out"]):
        assert not tiny_net.out.weight.requires_grad and tiny_net.norm.weight.requires_grad
        raise RuntimeError("stop")
    assert not tiny_net.conv.weight.requires_grad and tiny_net.out.weight.requires_grad
    before = state(tiny_net)
    train(tiny_net, stripes)
    assert moved(before, tiny_net) == {"norm", "out"}


def test_sam_trains_what_is_free(tiny_net, stripes):
    before, criterion = state(tiny_net), Softmax(5, 3, seed=0)
    parameters, base = [*tiny_net.parameters(), *criterion.parameters()], lambda free: torch.optim.SGD(free, lr=0.1)
    optimizer = SAM(parameters, base, 0.05, module=[tiny_net, criterion])
    with frozen(tiny_net, ["conv", "norm"]):
        fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=1, batch_size=30)
    assert moved(before, tiny_net) == {"out"}


def test_a_parameter_of_the_network_itself_is_a_stage():
    net = backbones.create("vit_tiny", input_size=32, dim=48, depth=1, mlp=96)
    with frozen(net, ["positions", "patches"]):
        assert not net.positions.requires_grad and net.head.weight.requires_grad
    assert net.positions.requires_grad


@pytest.mark.parametrize("freeze", ["body", ["conv", "body"], ["ALL"]])
def test_an_unknown_stage_is_answered_with_the_stages(tiny_net, freeze):
    message = "no stage '(body|ALL)'; expected 'all', 'none', or some of 'conv', 'norm', 'dropout', 'out'"
    with pytest.raises(ValueError, match=message), frozen(tiny_net, freeze):
        pass
    assert all(parameter.requires_grad for parameter in tiny_net.parameters())


CLASSES = {backbones._NETWORKS[name].network: name for name in backbones.available()}


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSES.values())
def test_of_every_family_each_stage_can_be_held_alone(name):
    net = backbones.create(name, seed=0, **backbones._NETWORKS[name].small).train()
    images = torch.rand(2, net.in_channels, *net.input_size) * 2 - 1
    stages = [stage for stage, _ in net.named_children()]
    for stage in stages:
        before, norms = state(net), [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        with frozen(net, stage), torch.no_grad():
            net.train()(images)
        assert stage not in moved(before, net)
        inside = [m for m in getattr(net, stage).modules() if m in norms]
        assert bool(moved(before, net)) == (len(inside) < len(norms))
