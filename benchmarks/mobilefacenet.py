"""MobileFaceNet here against the same table written as public repositories write it: eager, NCHW, PyTorch's PReLU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.comparison import interleaved
from benchmarks.record import write_record
from course_lib import backbones

NAME = "mobilefacenet"
SEED = 0
TABLE = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))  # t, c, n, s
USUAL, OURS = "as usually written", "course_lib"


def unit(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, linear: bool = False
) -> nn.Sequential:
    """Convolution, batch norm, and PyTorch's own PReLU unless it is linear."""
    padding = kernel // 2 if kernel == 3 else 0
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([] if linear else [nn.PReLU(outputs)]))


class Bottleneck(nn.Module):
    """Expand, depthwise, project; added to its input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        depthwise = unit(inner, inner, 3, stride, groups=inner)
        self.layers = nn.Sequential(unit(inputs, inner, 1), depthwise, unit(inner, outputs, 1, linear=True))
        self.connect = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.connect else self.layers(x)


def usual(embedding_dim: int = 128) -> nn.Module:
    """The paper's table, layer by layer, and nothing else."""
    layers: list[nn.Module] = [unit(3, 64, 3, 2), unit(64, 64, 3, groups=64)]
    channels = 64
    for expansion, outputs, repeats, stride in TABLE:
        for repeat in range(repeats):
            layers.append(Bottleneck(channels, outputs, stride if repeat == 0 else 1, expansion))
            channels = outputs
    layers += [
        unit(channels, 512, 1),
        unit(512, 512, 7, groups=512, linear=True),
        unit(512, embedding_dim, 1, linear=True),
    ]
    return nn.Sequential(*layers, nn.Flatten())


def main() -> dict[str, Any]:
    """Measure at batch 32 on one and on two threads, and write the record."""
    figures = measure(batch=32, rounds=7, threads=(1, 2))
    write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def measure(batch: int, rounds: int, threads: tuple[int, ...], side: int = 112) -> dict[str, Any]:
    """Training steps and inference of both, in float32, at batch sizes of ``batch``."""
    generator = torch.Generator().manual_seed(SEED)
    images = torch.randn(batch, 3, side, side, generator=generator)
    ours = backbones.create("mobilefacenet", seed=SEED, input_size=(side, side)).to(memory_format=torch.channels_last)
    networks = {USUAL: (usual(), images), OURS: (ours, images.contiguous(memory_format=torch.channels_last))}
    before, races = torch.get_num_threads(), {}
    try:
        for count in threads:
            torch.set_num_threads(count)
            for kind, make in (("training", training_step), ("inference", inference)):
                contestants = {name: make(*those) for name, those in networks.items()}
                for contestant in contestants.values():
                    contestant()  # the first call allocates
                races[f"{kind}, threads: {count}"] = interleaved(contestants, rounds)
    finally:
        torch.set_num_threads(before)
    return {
        "settings": {"batch": batch, "side": side, "dtype": "float32"},
        "others_cpu_percent": max(race.others_percent for race in races.values()),
        "images_a_second": {
            what: {name: round(batch / race.median(name), 1) for name in networks} for what, race in races.items()
        },
        "comparisons": [
            race.ratio(f"{what}: {USUAL} / {OURS}, time", USUAL, OURS, target=1.3).plain()
            for what, race in races.items()
        ],
    }


def training_step(network: nn.Module, images: Tensor) -> Callable[[], None]:
    """Forward, backward and an SGD update."""
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4)

    def step() -> None:
        network.train()
        optimizer.zero_grad()
        network(images).square().mean().backward()
        optimizer.step()

    return step


def inference(network: nn.Module, images: Tensor) -> Callable[[], None]:
    """Embeddings, as at enrolment."""

    def run() -> None:
        network.eval()
        with torch.inference_mode():
            network(images)

    return run
