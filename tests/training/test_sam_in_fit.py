"""SAM inside ``fit``: one argument changed, whole and interrupted; test_two_processes.py has it in two processes."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from tiny_network import TinyNet
from torch import Generator, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from course_lib.data import ImageSet
from course_lib.losses import CenterLoss, SphereFace
from course_lib.optim import ASAM, SAM, schedules
from course_lib.training import NonFiniteError, fit

BASE = partial(SGD, lr=0.05, momentum=0.9)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture
def stripes() -> ImageSet:
    """90 images of 8x9 in three classes: a bright third, and noise."""
    labels = torch.arange(3).repeat(30)
    images = torch.randint(100, (90, 1, 8, 9), generator=Generator().manual_seed(0), dtype=torch.uint8)
    for index, label in enumerate(labels):
        images[index, :, :, 3 * label : 3 * label + 3] += 60
    return ImageSet(images, labels, ("left", "middle", "right"), "drawn stripes")


@pytest.fixture
def pair() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return TinyNet(), CenterLoss(5, 3, weight=0.01, seed=0)


def parameters(*modules: nn.Module) -> list[nn.Parameter]:
    return [p for module in modules for p in module.parameters()]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("optimizer", [SAM, ASAM, partial(SAM, every=2, clip_norm=5.0)], ids=["SAM", "ASAM", "LookSAM"])
def test_one_argument_is_changed(pair, stripes, optimizer, precision):
    optimizer = optimizer(parameters(*pair), BASE, module=pair)
    history = fit(*pair, stripes, optimizer=optimizer, epochs=4, batch_size=20, precision=precision)
    assert history["accuracy"][-1] > 0.9 > history["accuracy"][0] and history["step"] == [5, 10, 15, 20]
    assert pair[0].norm.num_batches_tracked == 20


@pytest.mark.parametrize("every", [1, 3])
def test_without_a_radius_it_is_the_base_dropout_centers_and_counters_included(stripes, every):
    """Both passes see the same loss: the same dropout masks, the same centers, the same annealed margin."""
    states = []
    for wrapped in (False, True):
        torch.manual_seed(0)
        net = TinyNet()
        criterion = CenterLoss(5, 3, weight=0.5, classifier=SphereFace(5, 3, seed=0))
        learned = parameters(net, criterion)
        optimizer = SAM(learned, BASE, rho=0.0, module=[net, criterion], every=every) if wrapped else BASE(learned)
        fit(net, criterion, stripes, optimizer=optimizer, epochs=2, batch_size=20)
        states.append([*net.state_dict().values(), *criterion.state_dict().values()])
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


@pytest.mark.parametrize(
    ("held", "moved"),
    [((), r"backbone\.norm\.running_mean"), ((0,), r"criterion\.centers"), ((1,), r"backbone\.norm\.running_mean")],
)
def test_a_batch_that_would_be_recorded_twice_is_refused(pair, stripes, held, moved):
    optimizer = SAM(parameters(*pair), BASE, module=[pair[index] for index in held])
    with pytest.raises(ValueError, match=rf"called the closure more than once, and {moved} moved .*module=\[backbone"):
        fit(*pair, stripes, optimizer=optimizer, epochs=1)


def test_a_loss_that_overflows_on_the_way_up_leaves_the_weights(pair, stripes):
    before = [p.detach().clone() for p in parameters(*pair)]
    optimizer = SAM(parameters(*pair), BASE, rho=1e18, module=pair)
    with pytest.raises(NonFiniteError, match="not finite at step 1 "):
        fit(*pair, stripes, optimizer=optimizer, epochs=1, precision="32-true")
    assert all(torch.equal(a, b) for a, b in zip(before, parameters(*pair), strict=True))


class Stop(Exception):
    """The power fails."""


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_same_bits(stripes, tmp_path):
    def run(stop_at: int | None = None) -> list[torch.Tensor]:
        torch.manual_seed(0)
        net, criterion = TinyNet(), CenterLoss(5, 3, weight=0.1, seed=0)
        optimizer = SAM(parameters(net, criterion), BASE, module=[net, criterion], every=3)
        schedule = OneCycleLR(optimizer, 0.1, total_steps=30)
        calls = []

        def fail(*_: object) -> None:
            calls.append(1)
            if len(calls) == stop_at:
                raise Stop

        net.register_forward_hook(fail)
        options = {"checkpoint": tmp_path / f"{'whole' if stop_at == 0 else 'cut'}.ckpt", "checkpoint_every": 2}
        fit(net, criterion, stripes, optimizer=optimizer, schedule=schedule, epochs=3, batch_size=10, **options)
        return [*net.state_dict().values(), *criterion.state_dict().values()]

    whole = run(stop_at=0)
    for stop_at in (17, 9):  # once in a second pass, once between two looks
        with pytest.raises(Stop):
            run(stop_at)
    assert all(torch.equal(a, b) for a, b in zip(whole, run(), strict=True))


def test_the_checkpoint_of_another_sam_is_refused(pair, stripes, tmp_path):
    for changed in ({}, {"rho": 0.1}, {"adaptive": True}, {"every": 2}, {"clip_norm": 1.0}):
        optimizer = SAM(parameters(*pair), BASE, module=pair, **changed)
        options = {"optimizer": optimizer, "epochs": 1, "checkpoint": tmp_path / "run.ckpt"}
        if not changed:
            fit(*pair, stripes, **options)
        else:
            with pytest.raises(ValueError, match="checkpoint of another run: its optimizer"):
                fit(*pair, stripes, **options)


def test_a_plateau_lowers_the_rate(pair, stripes):
    optimizer = SAM(parameters(*pair), BASE, module=pair)
    schedule = schedules.plateau(optimizer, monitor="accuracy", mode="min", patience=0)  # better counts as worse
    history = fit(*pair, stripes, optimizer=optimizer, schedule=schedule, epochs=3, batch_size=20)
    assert history["learning_rate"] == pytest.approx([0.05, 0.05, 0.005])
