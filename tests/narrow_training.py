"""Trains narrow networks with strided 1x1 convolutions in every way, and says what it begins with. Run by a test."""

from __future__ import annotations

import torch
from torch import nn

from course_lib import backbones, training
from course_lib.data import ImageSet
from course_lib.losses import Softmax
from course_lib.pointwise import in_reach

SIDE = 112
NARROW = {"blocks": (1, 1, 1, 1), "widths": (4, 8, 12, 16), "embedding_dim": 8, "input_size": (SIDE, SIDE)}


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name in ("iresnet18", "se_lresnet100e_ir"):
        print(f"{name}, by fit", flush=True)
        fitted(narrow(name), 8)
    print("iresnet18, by fit in 8 bits", flush=True)
    fitted(narrow("iresnet18"), 8, quantize=True)
    print("iresnet18, by hand", flush=True)
    by_hand(narrow("iresnet18"))
    for quantize in (False, True):
        print(f"a network of one's own, by fit, quantize={quantize}", flush=True)
        network = ones_own()
        fitted(network, 16, quantize=quantize)
        assert type(network[3]) is nn.Conv2d
    print("done")


def narrow(name: str) -> nn.Module:
    options = {**NARROW, "squeeze": 4} if name.startswith("se_") else NARROW
    network = backbones.create(name, **options, seed=0)
    assert in_reach(network)
    return network


def ones_own() -> nn.Sequential:
    layers = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(8, 16, 1, 2, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def fitted(network: nn.Module, dim: int, **options: bool) -> None:
    pixels = torch.randint(0, 256, (8, 3, SIDE, SIDE), dtype=torch.uint8)
    images = ImageSet(pixels, torch.arange(8) % 2, ("a", "b"), "random numbers")
    head = Softmax(dim, 2, seed=0)
    optimizer = torch.optim.SGD([*network.parameters(), *head.parameters()], lr=0.01)
    training.fit(network, head, images, optimizer=optimizer, epochs=2, batch_size=4, precision="32-true", **options)


def by_hand(network: nn.Module) -> None:
    network.to(memory_format=torch.channels_last)
    for _ in range(4):
        images = torch.randn(4, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
        network(images).square().mean().backward()


if __name__ == "__main__":
    main()
