"""Every backbone of the course: milliseconds an image, multiply-adds, bytes, and the rate they give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from benchmarks.comparison import interleaved, spread
from benchmarks.record import write_record
from course_lib import backbones, cost
from course_lib.cost.timing import torch_threads

NAME = "backbone_latency"
SEED = 0
BATCHES = (1, 32)


def main() -> dict[str, Any]:
    """Measure all that ``available()`` lists at their own input sizes, on one thread, and write the record."""
    figures = measure(backbones.available(), BATCHES, rounds=5)
    write_record(NAME, f"python -m benchmarks {NAME}", SEED, figures)
    return figures


def measure(names: Sequence[str], batches: Sequence[int], rounds: int, **options: Any) -> dict[str, Any]:
    """One row a backbone; each is built, measured and dropped before the next."""
    with torch_threads(1):
        rows = [row(name, batches, rounds, options) for name in tqdm(names, unit="backbone", disable=None)]
    return {
        "settings": {"batches": list(batches), "threads": 1, "memory_format": "channels_last", "dtype": "float32"},
        "others_cpu_percent": max(row["others_cpu_percent"] for row in rows),
        "backbones": rows,
        "comparisons": [line for row in rows for line in lines(row)],
    }


def row(name: str, batches: Sequence[int], rounds: int, options: dict[str, Any]) -> dict[str, Any]:
    """What one backbone costs by count and by clock."""
    network = backbones.create(name, seed=SEED, **options).eval()
    counted = cost.count(network, network.input_size, in_channels=network.in_channels)
    network = network.to(memory_format=torch.channels_last)
    images = {batch: random_images(network, batch) for batch in batches}
    with torch.inference_mode():
        for pixels in images.values():
            network(pixels)  # the first call allocates and chooses kernels
        race = interleaved({str(batch): lambda x=pixels: network(x) for batch, pixels in images.items()}, rounds)
    milliseconds = {batch: [round(1e3 * s / int(batch), 4) for s in times] for batch, times in race.seconds.items()}
    macs = counted.macs.conv_linear
    return {
        "name": name,
        "input_size": list(network.input_size),
        "parameters": counted.parameters,
        "macs": macs,
        "fp32_bytes": counted.fp32_bytes,
        "peak_activation_bytes": counted.peak_fp32_bytes,
        "milliseconds_an_image": milliseconds,
        "giga_macs_a_second": {
            batch: round(macs / 1e6 / min(times), 2) for batch, times in milliseconds.items()
        },  # of the quickest round
        "others_cpu_percent": race.others_percent,
    }


def random_images(network: nn.Module, batch: int) -> torch.Tensor:
    """Float32 (batch, C, H, W) in channels-last memory."""
    generator = torch.Generator().manual_seed(SEED)
    shape = (batch, network.in_channels, *network.input_size)
    return torch.randn(shape, generator=generator).contiguous(memory_format=torch.channels_last)


def lines(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Milliseconds an image at each batch size, beside the rate."""
    return [
        spread(
            f"{row['name']}, batch {batch}: {row['macs'] / 1e6:,.0f}M MACs, {row['fp32_bytes'] / 1e6:.1f} MB,"
            f" {row['giga_macs_a_second'][batch]:g} GMAC/s",
            times,
            unit="ms",
        ).plain()
        for batch, times in row["milliseconds_an_image"].items()
    ]
