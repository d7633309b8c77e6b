"""One step of SAM on MobileFaceNet against one of SGD, and against the SAM of pytorch_optimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.comparison import interleaved
from benchmarks.record import write_record
from course_lib import backbones
from course_lib.losses import Softmax
from course_lib.optim import SAM
from course_lib.training import resolve_precision

SEED = 0
RHO = 0.05
N_CLASSES = 100
BASE = partial(torch.optim.SGD, lr=0.01, momentum=0.9, weight_decay=1e-4)
SGD, OURS, THEIRS = "SGD", "course_lib SAM", "pytorch_optimizer SAM"

Step = Callable[[], object]


@dataclass(frozen=True)
class Size:
    """A network and its batch; each contestant takes ``steps`` steps in each of ``rounds`` rounds."""

    width: float
    input_size: tuple[int, int]
    batch_size: int
    steps: int
    rounds: int


def main() -> dict[str, Any]:
    """Measure on the network of the paper, and write the record."""
    figures = measure(Size(width=1.0, input_size=(112, 112), batch_size=32, steps=2, rounds=15))
    write_record("sam", "python -m benchmarks sam", SEED, figures)
    return figures


def measure(size: Size) -> dict[str, Any]:
    """Let the three take turns: whole steps, and then what each does beside running the network."""
    makers = {SGD: sgd_step, OURS: our_step, THEIRS: their_step}
    whole = {name: Task(size).steps(make, runs_network=True) for name, make in makers.items()}
    alone = {name: Task(size).steps(make, runs_network=False) for name, make in makers.items()}
    for contestant in (*whole.values(), *alone.values()):
        contestant()  # the first call allocates
    race, own_race = interleaved(whole, size.rounds), interleaved(alone, size.rounds)
    what = f"MobileFaceNet x{size.width:g}, {size.input_size[0]}x{size.input_size[1]}, batch {size.batch_size}: "
    return {
        "size": asdict(size),
        "precision": resolve_precision("auto", "cpu"),
        "threads": torch.get_num_threads(),
        "others_cpu_percent": max(race.others_percent, own_race.others_percent),
        "milliseconds": {name: [round(1e3 * s / size.steps, 3) for s in race.seconds[name]] for name in makers},
        "milliseconds_beside_the_network": {
            name: [round(1e3 * s / size.steps, 3) for s in own_race.seconds[name]] for name in makers
        },
        "comparisons": [
            race.ratio(f"{what}{OURS} / {SGD}", OURS, SGD, target=2.05, at_least=False).plain(),
            race.ratio(f"{what}{THEIRS} / {SGD}", THEIRS, SGD).plain(),
            race.ratio(f"{what}{THEIRS} / {OURS}", THEIRS, OURS, target=1.0).plain(),
            own_race.ratio(f"beside the network: {THEIRS} / {OURS}", THEIRS, OURS).plain(),
        ],
    }


class Task:
    """The same network, head and batch for every contestant, in the precision and memory format of ``fit``."""

    def __init__(self, size: Size) -> None:
        generator = torch.Generator().manual_seed(SEED)
        self.size = size
        self.backbone = backbones.create("mobilefacenet", width=size.width, input_size=size.input_size, seed=SEED)
        self.backbone.to(memory_format=torch.channels_last).train()
        self.head = Softmax(128, N_CLASSES, seed=SEED)
        images = torch.randn(size.batch_size, 3, *size.input_size, generator=generator)
        self.images = images.contiguous(memory_format=torch.channels_last)
        self.labels = torch.randint(N_CLASSES, (size.batch_size,), generator=generator)
        self.parameters = [*self.backbone.parameters(), *self.head.parameters()]
        self.gradients = [torch.randn(p.shape, generator=generator) for p in self.parameters]

    def steps(self, make: Callable[[Task, Callable[[], Tensor]], Step], *, runs_network: bool) -> Step:
        """A contestant's turn; without the network, its closure gives the parameters gradients that are ready."""
        step = make(self, self.network_closure if runs_network else self.ready_closure)

        def turn() -> None:
            for _ in range(self.size.steps):
                step()

        return turn

    def network_closure(self) -> Tensor:
        """Forward and backward."""
        is_bf16 = resolve_precision("auto", "cpu") == "bf16-mixed"
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
            embeddings = self.backbone(self.images)
        loss = self.head(embeddings.float(), self.labels).total
        loss.backward()
        return loss

    def ready_closure(self) -> Tensor:
        """No network: the gradients are copied."""
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient.clone()
        return self.gradients[0]


def sgd_step(task: Task, closure: Callable[[], Tensor]) -> Step:
    """One look at the batch."""
    optimizer = BASE(task.parameters)

    def step() -> None:
        optimizer.zero_grad()
        closure()
        optimizer.step()

    return step


def our_step(task: Task, closure: Callable[[], Tensor]) -> Step:
    """SAM as the course has it, its batch-norm rule included."""
    optimizer = SAM(task.parameters, BASE, RHO, module=[task.backbone, task.head])
    return lambda: optimizer.step(closure)


def their_step(task: Task, closure: Callable[[], Tensor]) -> Step:
    """SAM as it is commonly written, as its documentation says to use it, batch norm's statistics paused.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    try:
        from pytorch_optimizer import SAM as TheirSAM
        from pytorch_optimizer import disable_running_stats, enable_running_stats
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "pytorch_optimizer, whose SAM this is measured against, is not installed; pip install -e .[bench]"
        ) from error
    optimizer = TheirSAM(task.parameters, BASE.func, rho=RHO, **BASE.keywords)

    def second_pass() -> Tensor:
        disable_running_stats(task.backbone)
        return closure()

    def step() -> None:
        optimizer.zero_grad()
        enable_running_stats(task.backbone)
        closure()
        optimizer.step(second_pass)

    return step
