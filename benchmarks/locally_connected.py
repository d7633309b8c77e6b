"""DeepFace's locally connected layer L4, forward and backward, against the usual unfold and einsum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.center_loss import peak_bytes
from benchmarks.comparison import interleaved, spread
from benchmarks.record import write_record
from course_lib.backbones.locally_connected import LocallyConnected2d

SEED = 0


class UnfoldEinsum(nn.Module):
    """A locally connected layer as it is usually written: all windows are cut, then multiplied; without bias.

    Its weights are (positions, C_out, C_in * k * k), those of ``layer`` in the order in which unfold cuts.
    """

    def __init__(self, layer: LocallyConnected2d) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.output_size = layer.kernel_size, layer.stride, layer.output_size
        self.weight = nn.Parameter(in_unfold_order(layer.weight.detach(), layer.kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        windows = F.unfold(x, self.kernel_size, stride=self.stride)  # (N, C_in * k * k, positions)
        out = torch.einsum("nqp,poq->nop", windows, self.weight)
        return out.unflatten(2, self.output_size)


def in_unfold_order(weight: Tensor, kernel_size: int) -> Tensor:
    """Weights (positions, k * k * C_in, C_out), or their gradient, as (positions, C_out, C_in * k * k)."""
    taps = weight.unflatten(1, (kernel_size, kernel_size, -1))  # (positions, k, k, C_in, C_out)
    return taps.permute(0, 4, 3, 1, 2).flatten(2).contiguous()


def main() -> dict[str, Any]:
    """Measure L4 at the promised batch, and write the record."""
    figures = measure(input_size=63, channels=16, kernel_size=9, batch_size=16, rounds=9)
    write_record("locally_connected", "python -m benchmarks locally_connected", SEED, figures)
    return figures


def measure(input_size: int, channels: int, kernel_size: int, batch_size: int, rounds: int) -> dict[str, Any]:
    """Time and peak memory of one step of both, and how far apart their outputs and gradients are."""
    torch.manual_seed(SEED)
    layer = LocallyConnected2d(channels, channels, kernel_size, input_size, bias=False)
    usual = UnfoldEinsum(layer)
    x = torch.randn(batch_size, channels, input_size, input_size).requires_grad_()
    direction = torch.randn(batch_size, channels, *layer.output_size)
    steps = {"unfold + einsum": step(usual, x, direction), "LocallyConnected2d": step(layer, x, direction)}
    apart = differences(layer, usual, x, direction)
    contestants = {**steps, "weights moved": weights_moved(layer.weight.detach())}
    for contestant in contestants.values():
        contestant()  # the first call allocates
    race = interleaved(contestants, rounds)
    peaks = {}
    for name in steps:
        x.grad = layer.weight.grad = usual.weight.grad = None  # what is held before is not of this step
        peaks[name] = peak_bytes(steps[name])
    return {
        "settings": {
            "input_size": input_size,
            "channels": channels,
            "kernel_size": kernel_size,
            "batch_size": batch_size,
            "weights": layer.weight.numel(),
            "threads": torch.get_num_threads(),
        },
        "others_cpu_percent": race.others_percent,
        "milliseconds": {name: [round(1e3 * s, 2) for s in times] for name, times in race.seconds.items()},
        "peak_bytes": peaks,
        "differences": apart,
        "comparisons": [
            race.ratio("unfold + einsum / LocallyConnected2d, time", *steps, target=1.5).plain(),
            spread(
                "unfold + einsum / LocallyConnected2d, memory of a step",
                [peaks["unfold + einsum"] / peaks["LocallyConnected2d"]],
                target=2.0,
            ).plain(),
            race.ratio(
                "LocallyConnected2d / moving its weights alone, time", "LocallyConnected2d", "weights moved"
            ).plain(),
            spread(
                "output and gradients, largest difference of any to its largest value",
                [max(apart.values())],
                target=1e-5,
                at_least=False,
            ).plain(),
        ],
    }


def step(network: nn.Module, x: Tensor, direction: Tensor) -> Callable[[], None]:
    """Forward, and backward to the input and the weights; the gradients of the step before are gone."""

    def run() -> None:
        x.grad = network.weight.grad = None
        network(x).backward(direction)

    return run


def weights_moved(weight: Tensor) -> Callable[[], None]:
    """What no implementation can save: the weights read forward and backward, and a gradient as large written."""

    def run() -> None:
        weight.sum()
        weight.clone()

    return run


def differences(layer: LocallyConnected2d, usual: UnfoldEinsum, x: Tensor, direction: Tensor) -> dict[str, float]:
    """The largest difference of outputs and of gradients, over the largest value of each."""
    results = []
    for network in (layer, usual):
        out = network(x)
        results.append((out.detach(), *torch.autograd.grad(out, (x, network.weight), direction)))
    (out, to_x, to_weight), expected = results
    found = (out, to_x, in_unfold_order(to_weight, layer.kernel_size))
    return {
        name: float(f"{((ours - theirs).abs().max() / theirs.abs().max()).item():.3g}")
        for name, ours, theirs in zip(("output", "input gradient", "weight gradient"), found, expected, strict=True)
    }
