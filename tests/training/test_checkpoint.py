from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.data import ImageSet, RandomShift
from course_lib.losses import CenterLoss, Loss
from course_lib.optim import schedules
from course_lib.training import EarlyStopping, fit


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed run is forked")
def test_killed_at_five_random_moments_it_ends_with_the_same_bits(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TQDM_DISABLE": "1"}
    command = [sys.executable, str(Path(__file__).with_name("killed_run.py")), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3, "the run was over too soon to be killed"
    assert (tmp_path / "killed.ckpt").exists()

    expected, found = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("whole", "killed"))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


@pytest.fixture
def run(tiny_net, stripes, tmp_path):
    """Train three epochs with a checkpoint; options replace the usual ones."""
    initial = {name: tensor.clone() for name, tensor in tiny_net.state_dict().items()}

    def go(net: nn.Module | None = None, weight: float = 0.1, lr: float = 0.01, **options):
        net = tiny_net if net is None else net
        if net is tiny_net:
            net.load_state_dict(initial)
        criterion = CenterLoss(5, 3, weight=weight, seed=0)
        optimizer = torch.optim.SGD([*net.parameters(), *criterion.parameters()], lr=lr)
        usual = {"epochs": 3, "batch_size": 30, "checkpoint": tmp_path / "run.ckpt"}
        return fit(net, criterion, stripes, optimizer=optimizer, **{**usual, **options})

    return go


def test_a_finished_run_is_taken_as_it_is_and_may_be_prolonged(run, tiny_net):
    first = run()
    weights = tiny_net.out.weight.clone()
    again = run()
    assert torch.equal(tiny_net.out.weight, weights) and again["loss"] == first["loss"]
    longer = run(epochs=5)
    assert longer["loss"][:3] == first["loss"] and longer["epoch"] == [1, 2, 3, 4, 5]


def test_without_resume_it_starts_afresh(run):
    first = run()
    assert run(resume=False, epochs=1)["loss"] == first["loss"][:1]


def test_a_run_that_stopped_early_stays_stopped_with_its_best_weights(run, tiny_net):
    options = {"early_stopping": EarlyStopping("loss", patience=1, mode="max"), "epochs": 9}
    first = run(**options)
    weights = tiny_net.out.weight.clone()
    assert len(first) == 2
    assert len(run(**options)) == 2 and torch.equal(tiny_net.out.weight, weights)


class Wider(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(72, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out(images.flatten(1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"net": Wider()}, r"run\.ckpt is the checkpoint of another run: its backbone has"),
        ({"weight": 0.2}, r"its criterion is .*weight=0\.1.* here it is .*weight=0\.2"),
        ({"lr": 0.02}, r"its optimizer, defaults has lr = 0\.01, here it is 0\.02"),
        ({"batch_size": 20}, "its batch size is 30, here it is 20"),
        ({"seed": 1}, "its seed is 0, here it is 1"),
        ({"augment": RandomShift(1)}, r"its augmentation is None, here it is RandomShift\(pixels=1\)"),
        ({"precision": "64-true"}, "its precision is"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused(run, change, message):
    run(epochs=1)
    with pytest.raises(ValueError, match=message):
        run(**change)


class Malice:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>not found</html>", pickle.dumps(Malice()), "malicious archive", "cut in half", "cut in its pickle",
        "other dictionary",
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_and_nothing_in_it_runs(run, tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.ckpt"
    if content == "malicious archive":
        torch.save({"settings": Malice()}, path)
    elif content == "other dictionary":
        torch.save({"epoch": 3}, path)
    elif content == "cut in half":
        run(epochs=1)
        path.write_bytes(path.read_bytes()[:3000])
    elif content == "cut in its pickle":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02X\x01")  # a text whose length has one byte of four
            archive.writestr("archive/version", b"3\n")
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.ckpt is no checkpoint of fit\(\).*Delete it to start afresh") as caught:
        run()
    assert "weights_only" not in str(caught.value)
    assert not (tmp_path / "executed").exists()


STEPS = 3  # of an epoch of the run: 90 images in batches of 30
SCHEDULES = {
    "cosine": lambda optimizer, epochs: schedules.cosine(optimizer, epochs=epochs, steps_per_epoch=STEPS),
    "warmed up": lambda optimizer, epochs: schedules.cosine(
        optimizer, epochs=epochs, steps_per_epoch=STEPS, warm_up_epochs=1
    ),
    "linear": lambda optimizer, epochs: schedules.linear(optimizer, epochs=epochs, steps_per_epoch=STEPS),
    "one cycle": lambda optimizer, epochs: torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=epochs * STEPS
    ),
    "PyTorch's linear": lambda optimizer, epochs: torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, epochs * STEPS),
    "chained": lambda optimizer, epochs: torch.optim.lr_scheduler.ChainedScheduler(
        [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * STEPS)]
    ),
    "steps": lambda optimizer, epochs: schedules.multi_step(optimizer, (epochs // 2,), steps_per_epoch=STEPS),
    "own function": lambda optimizer, epochs: torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 1 - step / (epochs * STEPS)
    ),
}


@pytest.fixture
def scheduled(stripes, tmp_path):
    """Train so many epochs with a schedule that is made for ``planned`` of them; the learning rates."""

    def go(make, epochs: int, planned: int | None = None, decay: float = 0.0, **options) -> list[float]:
        torch.manual_seed(0)
        net, criterion = nn.Sequential(nn.Flatten(), nn.Linear(72, 5)), CenterLoss(5, 3, seed=0)
        groups = [{"params": [*net.parameters()], "weight_decay": decay}, {"params": [*criterion.parameters()]}]
        optimizer = torch.optim.SGD(groups, lr=0.1)
        usual = {"batch_size": 30, "checkpoint": tmp_path / "run.ckpt", "schedule": make(optimizer, planned or epochs)}
        return fit(net, criterion, stripes, optimizer=optimizer, epochs=epochs, **{**usual, **options})["learning_rate"]

    return go


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_run_is_not_prolonged_with_a_schedule_of_other_numbers(scheduled, name):
    scheduled(SCHEDULES[name], 2)
    with pytest.raises(ValueError, match="another run: its schedule"):
        scheduled(SCHEDULES[name], 4)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in ("steps", "own function")])
def test_a_run_is_not_prolonged_beyond_its_schedule(scheduled, name):
    scheduled(SCHEDULES[name], 2)
    with pytest.raises(ValueError, match="ends after 6 steps; 4 epochs of 3 batches take 12"):
        scheduled(SCHEDULES[name], 4, planned=2)


@pytest.mark.parametrize(
    "make",
    [
        lambda optimizer, _: None,
        lambda optimizer, _: schedules.plateau(optimizer),
        lambda optimizer, _: schedules.multi_step(optimizer, (1, 3), steps_per_epoch=STEPS),
        lambda optimizer, _: schedules.exponential(optimizer, 0.9, steps_per_epoch=STEPS),
        lambda optimizer, _: schedules.cosine(optimizer, epochs=6, steps_per_epoch=STEPS, warm_up_epochs=1),
    ],
    ids=["none", "plateau", "steps", "exponential", "a cosine of six epochs"],
)
def test_a_run_is_prolonged_as_if_it_had_never_stopped(scheduled, make, tmp_path):
    first = scheduled(make, 2)
    longer = scheduled(make, 5)
    (tmp_path / "run.ckpt").unlink()
    assert longer[:2] == first and longer == scheduled(make, 5)


def test_settings_of_a_parameter_group_tell_two_runs_apart(scheduled):
    scheduled(lambda *_: None, 1, decay=0.1)
    with pytest.raises(ValueError, match=r"its optimizer, group 0 has weight_decay = 0\.1, here it is 0\.2"):
        scheduled(lambda *_: None, 2, decay=0.2)


def test_the_objects_that_were_trained_with_may_go_on(stripes, tmp_path):
    net, criterion = nn.Sequential(nn.Flatten(), nn.Linear(72, 5)), CenterLoss(5, 3, seed=0)
    optimizer = torch.optim.SGD([*net.parameters(), *criterion.parameters()], lr=0.1)
    schedule = schedules.cosine(optimizer, epochs=4, steps_per_epoch=STEPS)
    options = {"optimizer": optimizer, "schedule": schedule, "batch_size": 30, "checkpoint": tmp_path / "run.ckpt"}
    first = fit(net, criterion, stripes, epochs=2, **options)["learning_rate"]
    assert fit(net, criterion, stripes, epochs=4, **options)["learning_rate"][:2] == first


def brighter_by(amount: int):
    def brighter(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return (images.int() + amount).clamp(0, 255).to(torch.uint8)

    return brighter


class Brighter:
    def __init__(self, amount: int) -> None:
        self.amount = amount

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return brighter_by(self.amount)(images, generator)


@pytest.mark.parametrize("own", [brighter_by, Brighter], ids=["a function", "an object"])
def test_ones_own_augmentation_is_known_by_what_it_does(run, own):
    run(epochs=1, augment=own(3))
    run(epochs=2, augment=own(3))  # another object, as after a crash
    with pytest.raises(ValueError, match="its augmentation, holds has amount = 3|its augmentation has amount = 3"):
        run(epochs=2, augment=own(4))


def test_another_image_set_is_told_in_words(run, stripes, tiny_net):
    run(epochs=1)
    fewer = ImageSet(stripes.images[:60], stripes.labels[:60], stripes.names, stripes.source)
    criterion = CenterLoss(5, 3, weight=0.1, seed=0)
    optimizer = torch.optim.SGD([*tiny_net.parameters(), *criterion.parameters()], lr=0.01)
    path = run.__closure__ and next(c.cell_contents for c in run.__closure__ if isinstance(c.cell_contents, Path))
    with pytest.raises(ValueError, match="its images has number = 90, here it is 60"):
        fit(tiny_net, criterion, fewer, optimizer=optimizer, epochs=2, batch_size=30, checkpoint=path / "run.ckpt")


def test_a_compiled_network_goes_on_where_the_plain_one_stopped(run, tiny_net):
    first = run(epochs=1)
    wrapped = torch.compile(tiny_net, backend="eager")
    assert run(net=wrapped, epochs=2)["loss"][:1] == first["loss"]
    assert len(run(epochs=3)) == 3


def test_a_checkpoint_of_the_first_format_is_named_as_older(run, tmp_path):
    run(epochs=1)
    state = torch.load(tmp_path / "run.ckpt", weights_only=True)
    del state["settings"]["format"]
    torch.save(state, tmp_path / "run.ckpt")
    with pytest.raises(ValueError, match=r"older version of this library.*net\.load_state_dict"):
        run(epochs=2)


def test_compressed_records_are_refused_before_they_are_read(run, tmp_path):
    run(epochs=1)
    path = tmp_path / "run.ckpt"
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="is compressed"):
        run()


@pytest.mark.parametrize("part", ["backbone", "criterion", "optimizer", "position", "history", "random"])
@pytest.mark.parametrize("value", [None, {}, [], torch.zeros(3), "text"], ids=["none", "dict", "list", "tensor", "str"])
def test_a_checkpoint_of_the_wrong_shape_is_a_value_error(run, tmp_path, part, value):
    run(epochs=1)
    state = torch.load(tmp_path / "run.ckpt", weights_only=True)
    state[part] = value
    torch.save(state, tmp_path / "run.ckpt")
    with pytest.raises(ValueError, match=f"no checkpoint of fit.*{part}"):
        run(epochs=2)


def first_of(state: dict) -> dict:
    return state["optimizer"]["state"][0]


LATER = {"early_stopping": EarlyStopping("error", patience=5), "evaluate": lambda net: {"error": 1.0}}


@pytest.mark.parametrize(
    ("part", "change", "reason"),
    [
        ("best_weights", lambda state: state.update(best_weights=None), "keeps the weights of its best epoch"),
        ("best_weights", lambda state: state.update(best_weights={}), r"conv\.weight is missing; expected of shape"),
        ("best_weights", lambda state: state["best_weights"].update({"out.bias": torch.zeros(1)}), r"out\.bias is of"),
        ("best_weights", lambda state: state["best_weights"].update(more=torch.zeros(1)), "more is of.*d missing"),
        ("optimizer", lambda state: first_of(state).update(momentum_buffer=torch.zeros(7)), "momentum_buffer is of"),
        ("optimizer", lambda state: first_of(state).update(momentum_buffer="text"), "momentum_buffer is a str"),
        ("optimizer", lambda state: state["optimizer"]["param_groups"][0].pop("lr"), "group 0 has no lr"),
        ("schedule", lambda state: state.update(schedule={}), "no last_epoch"),
        ("history", lambda state: state["history"][0].pop("loss"), "row 1 has no number 'loss'"),
        ("history", lambda state: state["history"][0].pop("error"), "row 1 has no number 'error'"),
        ("history", lambda state: state["history"][0].update(seconds="x"), "row 1 has no number 'seconds'"),
        ("sums", lambda state: state.update(sums={"loss": "x"}), "numbers by name"),
        ("sums", lambda state: state.update(sums={"loss": 1.0}), "those of 0 batches"),
        ("position", lambda state: state.update(position=(1, 10**9, 10**9 + 3)), "epochs of 3 steps"),
        ("position", lambda state: state.update(position=(1, 0, 5)), "epochs of 3 steps"),
    ],
)  # fmt: skip
def test_what_is_used_later_is_looked_at_before(stripes, tiny_net, tmp_path, part, change, reason):
    def go(epochs: int) -> None:
        criterion = CenterLoss(5, 3, seed=0)
        optimizer = torch.optim.SGD([*tiny_net.parameters(), *criterion.parameters()], lr=0.01, momentum=0.9)
        options = {"schedule": torch.optim.lr_scheduler.StepLR(optimizer, 2), "batch_size": 30, **LATER}
        fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=epochs, checkpoint=path, **options)

    path = tmp_path / "run.ckpt"
    go(1)
    go(1)  # as it was written it is taken
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    with pytest.raises(ValueError, match=f"no checkpoint of fit.*its part '{part}' is missing or has.*{reason}"):
        go(2)


@pytest.mark.parametrize(("make", "name"), [(torch.optim.Adam, "exp_avg"), (torch.optim.Adafactor, "col_var")])
def test_what_the_next_step_asks_for_is_looked_at_before(stripes, tiny_net, tmp_path, make, name):
    def go(epochs: int) -> None:
        criterion = CenterLoss(5, 3, seed=0)
        optimizer = make([*tiny_net.parameters(), *criterion.parameters()], lr=1e-3)
        fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=epochs, batch_size=30, checkpoint=path)

    path = tmp_path / "run.ckpt"
    go(1)
    state = torch.load(path, weights_only=True)
    holder = next(kept for kept in state["optimizer"]["state"].values() if name in kept)
    for change in (lambda: holder.update({name: holder[name][:1]}), lambda: holder.pop(name)):
        change()
        torch.save(state, path)
        with pytest.raises(ValueError, match=f"no checkpoint of fit.*its part 'optimizer' .*parameter's {name} is"):
            go(2)


def test_a_run_with_numpys_numbers_goes_on(stripes, tiny_net, tmp_path):
    initial = copy.deepcopy(tiny_net.state_dict())

    def go(epochs: int, path: Path) -> torch.Tensor:
        criterion = CenterLoss(5, 3, seed=0)
        optimizer = torch.optim.SGD([*tiny_net.parameters(), *criterion.parameters()], lr=np.float64(0.01))
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
        options = {
            "batch_size": 30,
            "schedule": schedule,
            "evaluate": lambda _: {"error": np.float32(1), "all": np.ones(2)},
        }
        fit(tiny_net, criterion, stripes, optimizer=optimizer, epochs=epochs, checkpoint=path, **options)
        return tiny_net.out.weight.clone()

    whole = go(2, tmp_path / "whole.ckpt")
    tiny_net.load_state_dict(initial)
    go(1, tmp_path / "run.ckpt")
    assert torch.equal(go(2, tmp_path / "run.ckpt"), whole)


def test_what_could_not_be_read_back_is_said_before_it_is_written(run, tiny_net, tmp_path):
    with pytest.raises(TypeError, match=r"the checkpoint\['history'\]\[0\]\['x'\] is a object; expected a number"):
        run(evaluate=lambda _: {"x": object()})
    assert not (tmp_path / "run.ckpt").exists()
    with pytest.raises(TypeError, match="evaluate returned a NoneType; expected a dict"):
        run(evaluate=lambda _: None)


def test_sums_of_half_an_epoch_are_whole(run, tmp_path):
    with pytest.raises(RuntimeError, match="stop"):
        run(checkpoint_every=1, augment=Fails(after=2))
    state = torch.load(tmp_path / "run.ckpt", weights_only=True)
    assert state["position"] == (0, 2, 2)
    del state["sums"]["seconds"]
    torch.save(state, tmp_path / "run.ckpt")
    with pytest.raises(ValueError, match="its part 'sums' .*those of 2 batches"):
        run(checkpoint_every=1, augment=Fails(after=9))


class Fails:
    def __init__(self, after: int) -> None:
        self._left = after

    def __repr__(self) -> str:
        return "Fails()"

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("stop")
        return images


class OwnCriterion(nn.Module):
    """Without words for its scale; it counts what it is called for."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.head, self.scale, self.calls = nn.Linear(5, 3), scale, 0

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> Loss:
        self.calls += 1
        logits = self.head(embeddings) * self.scale
        return Loss(nn.functional.cross_entropy(logits, labels), {}, logits)


@pytest.fixture
def parts(stripes, tmp_path):
    """Train networks of the same shapes that differ in what no tensor tells."""

    def go(epochs: int, act: type[nn.Module] = nn.ReLU, dropout: float = 0.0, scale: float = 1.0) -> int:
        net = nn.Sequential(nn.Flatten(), nn.Linear(72, 5), act(), nn.Dropout(dropout))
        return again(net, OwnCriterion(scale), epochs)

    def again(net: nn.Module, criterion: nn.Module, epochs: int) -> int:
        optimizer = torch.optim.SGD([*net.parameters(), *criterion.parameters()], lr=0.01)
        path = tmp_path / "run.ckpt"
        return len(fit(net, criterion, stripes, optimizer=optimizer, epochs=epochs, batch_size=30, checkpoint=path))

    go.again = again
    return go


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"act": nn.Tanh}, "its parts of the backbone has 2 = .*ReLU.*, here it is .*Tanh"),
        ({"dropout": 0.9}, r"its parts of the backbone, 3 has p = 0\.0, here it is 0\.9"),
        ({"scale": 64.0}, r"its parts of the criterion, whole has scale = 1\.0, here it is 64\.0"),
    ],
)
def test_what_no_tensor_tells_is_another_run_too(parts, change, message):
    parts(1)
    with pytest.raises(ValueError, match=f"the checkpoint of another run: {message}"):
        parts(2, **change)
    assert parts(2) == 2


def test_a_criterion_that_counts_may_go_on(parts):
    net, criterion = nn.Sequential(nn.Flatten(), nn.Linear(72, 5)), OwnCriterion(1.0)
    assert [parts.again(net, criterion, epochs) for epochs in (1, 2)] == [1, 2] and criterion.calls == 6
    net, criterion = nn.Sequential(nn.Flatten(), nn.Linear(72, 5)), OwnCriterion(1.0)
    assert parts.again(net, criterion, 3) == 3


def test_a_checkpoint_from_before_parts_were_described_goes_on(parts, tmp_path):
    parts(1)
    path = tmp_path / "run.ckpt"
    state = torch.load(path, weights_only=True)
    for where in ("backbone", "criterion"):
        del state["settings"][f"parts of the {where}"], state[f"parts of the {where} now"]
    torch.save(state, path)
    assert parts(2, dropout=0.5) == 2  # nobody knows
    with pytest.raises(ValueError, match="its parts of the backbone, 3 has p"):  # from now on it is known
        parts(3)
