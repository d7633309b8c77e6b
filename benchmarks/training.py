"""Training speed of ``fit`` against a plain PyTorch loop, and against a bare loop with ``fit``'s own settings."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.comparison import Comparison, interleaved, spread, timed
from benchmarks.record import write_record
from course_lib import backbones
from course_lib.data import ImageSet
from course_lib.losses import Softmax
from course_lib.training import Batches, fit, resolve_precision

SEED = 0
N_CLASSES = 100


@dataclass(frozen=True)
class Size:
    """A network, its batches, and how much is one turn of a contestant: ``epochs`` epochs of ``steps`` batches."""

    width: float
    input_size: tuple[int, int]
    channels: int
    batch_size: int
    steps: int
    epochs: int
    rounds: int


# The network of the paper, and the small one that notebook 06 trains on ORL in a minute.
LARGE = Size(width=1.0, input_size=(112, 112), channels=3, batch_size=64, steps=4, epochs=1, rounds=8)
SMALL = Size(width=0.25, input_size=(56, 46), channels=1, batch_size=30, steps=10, epochs=6, rounds=15)


def main() -> dict[str, Any]:
    """Measure at both sizes, and write the record."""
    figures = measure(LARGE, SMALL)
    write_record("training", "python -m benchmarks training", SEED, figures)
    return figures


def measure(large: Size, small: Size) -> dict[str, Any]:
    """All contestants at the large size; at the small one, where the loop itself weighs most, without compilation."""
    figures: dict[str, Any] = {"precision": resolve_precision("auto", "cpu"), "threads": torch.get_num_threads()}
    comparisons: list[Comparison] = []
    for name, size, compiled in (("large", large, True), ("small", small, False)):
        figures[name], found = at_size(size, compiled)
        comparisons += found
    busiest = max(figures[name]["others_cpu_percent"] for name in ("large", "small"))
    return {**figures, "others_cpu_percent": busiest, "comparisons": [comparison.plain() for comparison in comparisons]}


def at_size(size: Size, compiled: bool) -> tuple[dict[str, Any], list[Comparison]]:
    """Let the contestants take turns at one size; ``fit``'s turn is the whole call, set-up and record included."""
    images = random_images(size)
    contestants: dict[str, Callable[[], object]] = {
        "plain loop": plain_loop(images, size),
        "fit": fit_turn(images, size),
        "bare loop": bare_loop(images, size),
    }
    if compiled:
        contestants["fit(compile=True)"] = fit_turn(images, size, compile=True)
    first = {name: warm_up(contestant) for name, contestant in contestants.items()}
    race = interleaved(contestants, size.rounds)
    figures = {
        "size": asdict(size),
        "images_per_second": {name: round(size.epochs * len(images) / race.median(name), 1) for name in contestants},
        "warm_up_seconds": {name: round(first[name] - race.median(name), 2) for name in contestants},
        "fit_set_up_seconds": round(median(timed(fit_turn(images, replace(size, epochs=0))) for _ in range(5)), 4),
        "others_cpu_percent": race.others_percent,
        "seconds": {name: [round(value, 4) for value in seconds] for name, seconds in race.seconds.items()},
    }
    what = f"MobileFaceNet x{size.width:g}, {size.input_size[0]}x{size.input_size[1]}, batch {size.batch_size}: "
    found = [race.ratio(what + "plain loop / fit", "plain loop", "fit", target=1.2 if compiled else None)]
    if compiled:
        found.append(race.ratio(what + "plain loop / fit(compile=True)", "plain loop", "fit(compile=True)", target=1.5))
        found.append(
            spread("warm-up of fit(compile=True)", [figures["warm_up_seconds"]["fit(compile=True)"]], unit="s")
        )
    found.append(race.ratio(what + "fit / bare loop", "fit", "bare loop", target=1.03, at_least=False))
    return figures, found


def random_images(size: Size) -> ImageSet:
    """Noise with random labels, as many as one epoch needs."""
    generator = torch.Generator().manual_seed(SEED)
    shape = (size.steps * size.batch_size, size.channels, *size.input_size)
    pixels = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.randint(N_CLASSES, shape[:1], generator=generator)
    return ImageSet(pixels, labels, tuple(map(str, range(N_CLASSES))), "noise")


def network(size: Size) -> nn.Module:
    """The same network for every contestant."""
    return backbones.create(
        "mobilefacenet", width=size.width, input_size=size.input_size, in_channels=size.channels, seed=SEED
    )


def sgd(*modules: nn.Module) -> torch.optim.Optimizer:
    """The same optimizer for every contestant."""
    return torch.optim.SGD([p for module in modules for p in module.parameters()], lr=0.01, momentum=0.9)


def plain_loop(images: ImageSet, size: Size) -> Callable[[], None]:
    """The loop that a user would write: eager, float32, NCHW."""
    backbone, head = network(size), nn.Linear(128, N_CLASSES)
    optimizer = sgd(backbone, head)

    def turn() -> None:
        backbone.train()
        for _ in range(size.epochs):
            for chosen in torch.randperm(len(images)).split(size.batch_size):
                pixels = (images.images[chosen].float() - 127.5) / 128
                optimizer.zero_grad()
                loss = cross_entropy(head(backbone(pixels)), images.labels[chosen])
                loss.backward()
                optimizer.step()

    return turn


def bare_loop(images: ImageSet, size: Size) -> Callable[[], None]:
    """The fastest such loop: ``fit``'s batches, memory format and precision, and no check, record or progress bar."""
    backbone, head = network(size).to(memory_format=torch.channels_last), nn.Linear(128, N_CLASSES)
    optimizer = sgd(backbone, head)
    is_bf16 = resolve_precision("auto", "cpu") == "bf16-mixed"

    def turn() -> None:
        backbone.train()
        for epoch in range(size.epochs):
            for _, pixels, labels in Batches(images, size.batch_size).epoch(epoch):
                optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
                    embeddings = backbone(pixels.contiguous(memory_format=torch.channels_last))
                cross_entropy(head(embeddings.float()), labels).backward()
                optimizer.step()

    return turn


def fit_turn(images: ImageSet, size: Size, *, compile: bool = False) -> Callable[[], None]:
    """A whole call of ``fit``; its progress bar is drawn as for a user, but not on this screen."""
    backbone, criterion = network(size), Softmax(128, N_CLASSES, seed=SEED)
    optimizer = sgd(backbone, criterion)

    def turn() -> None:
        with contextlib.redirect_stderr(io.StringIO()):
            fit(
                backbone,
                criterion,
                images,
                optimizer=optimizer,
                epochs=size.epochs,
                batch_size=size.batch_size,
                accelerator="cpu",
                compile=compile,
            )

    return turn


def warm_up(contestant: Callable[[], object]) -> float:
    """Seconds of the first call, with nothing compiled kept from earlier runs."""
    kept = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
        try:
            return timed(contestant)
        finally:
            del os.environ["TORCHINDUCTOR_CACHE_DIR"]
            if kept is not None:
                os.environ["TORCHINDUCTOR_CACHE_DIR"] = kept
