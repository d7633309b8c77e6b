from __future__ import annotations

import sys

import pytest
import torch

from benchmarks import sam
from benchmarks.sam import OURS, SGD, THEIRS, Size, Task, our_step, sgd_step, their_step

TINY = Size(width=0.25, input_size=(48, 48), batch_size=4, steps=1, rounds=2)


def test_both_sams_take_the_same_steps(monkeypatch):
    pytest.importorskip("pytorch_optimizer")
    monkeypatch.setattr(sam, "resolve_precision", lambda *_: "32-true")
    tasks = {}
    for make in (our_step, their_step, sgd_step):
        tasks[make] = task = Task(TINY)
        make(task, task.network_closure)()  # one step: rounding grows quickly in so small a network
    ours, theirs, plain = (torch.cat([p.detach().flatten() for p in task.parameters]) for task in tasks.values())
    assert (ours - theirs).norm() < 1e-3 * (ours - plain).norm()
    pairs = zip(tasks[our_step].backbone.named_buffers(), tasks[their_step].backbone.buffers(), strict=True)
    for (name, one), other in pairs:
        if not name.endswith("num_batches_tracked"):  # theirs counts both passes
            assert torch.allclose(one, other, rtol=1e-3, atol=1e-4), name


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    with pytest.raises(ModuleNotFoundError, match=r"not installed; pip install -e \.\[bench\]"):
        their_step(Task(TINY), lambda: torch.zeros(()))


@pytest.mark.slow
def test_the_record_has_times_and_ratios(monkeypatch):
    monkeypatch.setattr(sam, "their_step", our_step)  # the package need not be there
    figures = sam.measure(TINY)
    for times in (figures["milliseconds"], figures["milliseconds_beside_the_network"]):
        assert list(times) == [SGD, OURS, THEIRS] and all(len(values) == 2 for values in times.values())
    assert [row["target"] for row in figures["comparisons"]] == [2.05, None, 1.0, None]
    assert [row["at_least"] for row in figures["comparisons"]] == [False, True, True, True]


def test_a_step_without_the_network_takes_the_gradients_that_are_ready():
    task = Task(TINY)
    before = task.backbone(task.images).detach()
    sgd_step(task, task.ready_closure)()
    assert all(torch.equal(p.grad, g) for p, g in zip(task.parameters, task.gradients, strict=True))
    assert not torch.equal(task.backbone(task.images), before)
