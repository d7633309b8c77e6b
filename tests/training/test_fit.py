from __future__ import annotations

import itertools
import math
import re
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course_lib.data import ImageSet, RandomShift
from course_lib.losses import CenterLoss, Softmax
from course_lib.training import Batches, EarlyStopping, NonFiniteError, fit


def sgd(backbone: nn.Module, criterion: nn.Module, lr: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD([*backbone.parameters(), *criterion.parameters()], lr=lr, momentum=0.9)


def test_learns_and_records(tiny_net, stripes):
    criterion = CenterLoss(5, 3, weight=0.01, seed=0)
    seen = []
    history = fit(
        tiny_net,
        criterion,
        stripes,
        optimizer=sgd(tiny_net, criterion),
        epochs=4,
        batch_size=20,
        augment=RandomShift(1),
        evaluate=lambda net: {
            "training_mode": float(net.training),
            "weights": seen.append(1) or net.out.weight.clone(),
        },
    )
    assert history["accuracy"][-1] > 0.9 > history["accuracy"][0]
    assert history["epoch"] == [1, 2, 3, 4] and history["step"] == [5, 10, 15, 20]
    assert set(history.last) >= {"loss", "softmax", "center", "accuracy", "learning_rate", "seconds"}
    assert history["training_mode"] == [0.0] * 4 and len(seen) == 4 and not tiny_net.training
    assert list(history.frame()["loss"]) == history["loss"] and "weights" not in history.frame()


def test_networks_and_images_are_laid_out_channels_last():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(4 * 4 * 4, 5))
    images = ImageSet(torch.zeros(6, 3, 8, 8, dtype=torch.uint8), torch.arange(6) % 2, ("a", "b"), "black")
    seen, criterion = [], Softmax(5, 2, seed=0)
    network[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].stride()))
    fit(network, criterion, images, optimizer=sgd(network, criterion), epochs=1, batch_size=3, precision="32-true")
    assert network[1].weight.stride() == (36, 1, 12, 4) and (192, 1, 24, 3) in seen


def test_all_is_moved_to_the_device_that_fabric_chose(tiny_net, stripes, monkeypatch):
    """On a machine with one device nothing else would notice."""
    moved, criterion = [], Softmax(5, 3)
    move = nn.Module.to

    def note(module, *given, **options):
        moved.append((module, given, options.get("memory_format")))
        return move(module, *given, **options)

    monkeypatch.setattr(nn.Module, "to", note)
    fit(tiny_net, criterion, stripes, optimizer=sgd(tiny_net, criterion), epochs=1, accelerator="cpu")
    assert moved[0] == (tiny_net, (torch.device("cpu"),), torch.channels_last)


def test_the_bar_and_the_record_follow_the_batches(tiny_net, stripes, monkeypatch, tmp_path):
    bars, seconds = [], itertools.count()

    class Bar:
        def __init__(self, **options: object) -> None:
            self.told = [options]
            bars.append(self.told)

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self.told.append("closed")

        def update(self, n: int = 1) -> None:
            self.told.append(n)

        def set_postfix(self, **values: object) -> None:
            self.told.append(values)

    module = sys.modules["course_lib.training.fit"]
    monkeypatch.setattr(module, "Progress", Bar)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(seconds)))
    criterion = Softmax(5, 3)
    options = {"optimizer": sgd(tiny_net, criterion), "batch_size": 30, "checkpoint": tmp_path / "run.ckpt"}
    for epochs in (1, 2):  # the second run goes on from the first
        history = fit(tiny_net, criterion, stripes, epochs=epochs, **options)
    told = [{"epoch": epoch, "loss": f"{loss:.3g}"} for epoch, loss in zip((1, 2), history["loss"], strict=True)]
    assert bars[0] == [{"desc": "training", "total": 3, "unit": "batch"}, 0, 1, 1, 1, told[0], "closed"]
    assert bars[1] == [{"desc": "training", "total": 6, "unit": "batch"}, 3, 1, 1, 1, told[1], "closed"]
    assert history["seconds"] == [3, 3], "one a batch by this clock"


def test_is_the_plain_loop(tiny_net, stripes):
    """The same batches through ten lines of ordinary PyTorch give the same weights."""
    twin = type(tiny_net)()
    twin.load_state_dict(tiny_net.state_dict())
    criterion, twin_criterion = Softmax(5, 3, seed=1), Softmax(5, 3, seed=1)
    optimizer = sgd(tiny_net, criterion)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    fit(tiny_net, criterion, stripes, optimizer=optimizer, schedule=schedule, epochs=2, precision="32-true", seed=3)

    plain = sgd(twin, twin_criterion)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for epoch in range(2):
            for _, images, labels in Batches(stripes, 64, seed=3).epoch(epoch):
                twin.train()
                plain.zero_grad()
                twin_criterion(twin(images), labels).total.backward()
                plain.step()
                plain.param_groups[0]["lr"] *= 0.9
    for name, tensor in twin.state_dict().items():
        assert torch.allclose(tiny_net.state_dict()[name].double(), tensor.double(), atol=1e-6), name


def test_leaves_the_global_random_state_alone(tiny_net, stripes):
    criterion = Softmax(5, 3)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    fit(tiny_net, criterion, stripes, optimizer=sgd(tiny_net, criterion), epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_stops_early_with_the_best_weights(tiny_net, stripes):
    criterion = Softmax(5, 3)
    values, weights = iter([3.0, 1.0, 2.0, 2.0, 0.0]), []
    history = fit(
        tiny_net,
        criterion,
        stripes,
        optimizer=sgd(tiny_net, criterion),
        epochs=5,
        evaluate=lambda net: weights.append(net.out.weight.clone()) or {"error": next(values)},
        early_stopping=EarlyStopping("error", patience=2),
    )
    assert len(history) == 4
    assert torch.equal(tiny_net.out.weight, weights[1]) and not torch.equal(tiny_net.out.weight, weights[3])


def test_names_that_fit_records_are_refused(tiny_net, stripes):
    criterion = Softmax(5, 3)
    with pytest.raises(ValueError, match="evaluate returned accuracy, which fit records itself"):
        fit(
            tiny_net,
            criterion,
            stripes,
            optimizer=sgd(tiny_net, criterion),
            epochs=1,
            evaluate=lambda net: {"accuracy": 1.0},
        )


def poison(where: str, net: nn.Module, criterion: nn.Module) -> None:
    if where == "weight":
        net.out.weight.data[0, 0] = math.nan
    elif where == "buffer":
        net.norm.running_var[1] = math.inf
    elif where == "output":
        net.norm.weight.data.fill_(3e38)
    elif where == "gradient":
        net.out.weight.register_hook(lambda grad: grad * math.inf)


@pytest.mark.parametrize(
    ("where", "culprit"),
    [
        (
            "weight",
            r"loss is not finite at step 1 \(epoch 1, batch 1, images .*first .* is backbone\.out\.weight",
        ),
        ("output", r"the output of backbone\.norm"),
        ("gradient", r"the gradient is not finite at step 1 .*the gradient of backbone\.out\.weight"),
    ],
)
def test_a_run_that_breaks_says_where(tiny_net, stripes, where, culprit):
    criterion = Softmax(5, 3)
    poison(where, tiny_net, criterion)
    with pytest.raises(NonFiniteError, match=culprit):
        fit(tiny_net, criterion, stripes, optimizer=sgd(tiny_net, criterion), epochs=1, precision="32-true")


@pytest.mark.parametrize("batch_size", [7, 8, 9])
def test_the_first_eight_images_of_the_batch_are_named(tiny_net, stripes, batch_size):
    images = stripes.subset(range(3 * batch_size))
    order = Batches(images, batch_size, seed=4).indices(0)[0].tolist()
    criterion = Softmax(5, 3)
    poison("weight", tiny_net, criterion)
    named = ", ".join(map(str, order[:8])) + (", …" if batch_size > 8 else "")
    whole = f"epoch 1, batch 1, images {named}). The first non-finite tensor is backbone.out.weight"
    with pytest.raises(NonFiniteError, match=re.escape(whole)):
        fit(tiny_net, criterion, images, optimizer=sgd(tiny_net, criterion), epochs=1, batch_size=batch_size, seed=4)


def test_nan_pixels_are_named(tiny_net, stripes, monkeypatch):
    def broken(pixels):
        images = pixels.float()
        images[2, 0, 0, 0] = math.nan
        return images

    monkeypatch.setattr("course_lib.training.batches.normalise", broken)
    criterion = Softmax(5, 3)
    with pytest.raises(NonFiniteError, match="the input: image 2 of the batch"):
        fit(tiny_net, criterion, stripes, optimizer=sgd(tiny_net, criterion), epochs=1)


def test_a_step_that_is_too_large_is_named_at_the_next(tiny_net, stripes):
    criterion = Softmax(5, 3)
    with pytest.raises(NonFiniteError, match=r"at step [2-9] .*smaller learning rate"):
        fit(tiny_net, criterion, stripes, optimizer=sgd(tiny_net, criterion, lr=1e25), epochs=3, precision="32-true")


def test_bfloat16_keeps_the_criterion_in_float32(tiny_net, stripes):
    criterion = Softmax(5, 3)
    dtypes = []
    criterion.register_forward_hook(lambda _m, inputs, loss: dtypes.append((inputs[0].dtype, loss.logits.dtype)))
    tiny_net.out.register_forward_hook(lambda _m, _i, out: dtypes.append(out.dtype))
    fit(
        tiny_net,
        criterion,
        stripes,
        optimizer=sgd(tiny_net, criterion),
        epochs=1,
        batch_size=90,
        precision="bf16-mixed",
    )
    assert dtypes == [torch.bfloat16, (torch.float32, torch.float32)]
