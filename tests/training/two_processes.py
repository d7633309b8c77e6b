"""What two processes learn, written as a script because PyTorch starts it once more: python two_processes.py FOLDER

Each way to train is a function that trains on so many devices and returns all that was learned. As a script, this
trains in every way in two processes, and saves what each of them has in the end: FOLDER/WAY_RANK.pt
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ReduceLROnPlateau

from course_lib.data import ImageSet
from course_lib.losses import CenterLoss
from course_lib.optim import SAM
from course_lib.training import EarlyStopping, fit, save_weights

RANK = int(os.environ.get("LOCAL_RANK", 0))
# What `evaluate` gives in each epoch. The mean falls, then rises; rank 0's own falls, rank 1's own rises.
MEASURED = ((4.0, 3.0, 2.0), (1.0, 1.5, 9.0))


class Net(nn.Module):
    """A linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(72, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.out(images.flatten(1)).tanh()


def trained(devices: int, optimizer, schedule=None, net=Net, **options) -> dict[str, Tensor]:
    """The state of network and criterion, the learning rates, and the losses."""
    torch.manual_seed(0)
    images = torch.randint(255, (90, 1, 8, 9), dtype=torch.uint8)
    train = ImageSet(images, torch.arange(3).repeat(30), ("a", "b", "c"), "noise")
    pair = net(), CenterLoss(5, 3, weight=0.1, seed=0)
    optimizer = optimizer([parameter for module in pair for parameter in module.parameters()], pair)
    options = {"epochs": 2, "batch_size": 20, "precision": "32-true", "accelerator": "cpu", **options}
    strategy = "ddp" if devices > 1 else "auto"
    schedule = schedule and schedule(optimizer)
    history = fit(*pair, train, optimizer=optimizer, schedule=schedule, devices=devices, strategy=strategy, **options)
    rate = torch.tensor(history["learning_rate"] + [group["lr"] for group in optimizer.param_groups])
    losses = torch.tensor(history["loss"])
    return {**pair[0].state_dict(), **pair[1].state_dict(), "rate": rate, "losses": losses}


def sgd(parameters: list[nn.Parameter], modules: tuple[nn.Module, nn.Module], rate: float = 0.05) -> SGD:
    return SGD(parameters, lr=rate)


def sam(parameters: list[nn.Parameter], modules: tuple[nn.Module, nn.Module]) -> SAM:
    return SAM(parameters, partial(SGD, lr=0.05, momentum=0.9), rho=0.5, module=modules, every=2)


def by_rank(optimizer: SGD) -> ReduceLROnPlateau:
    schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    schedule.monitor = "rank"
    return schedule


def plateau(devices: int) -> dict[str, Tensor]:
    """A schedule that waits for what each process measures for itself."""
    values = iter(MEASURED[RANK])
    return trained(devices, sgd, by_rank, epochs=3, evaluate=lambda net: {"rank": next(values)})


class Normed(Net):
    """With running statistics, which each process records from its own share."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(72)

    def forward(self, images: Tensor) -> Tensor:
        return self.out(self.norm(images.flatten(1))).tanh()


def early(devices: int) -> dict[str, Tensor]:
    """Early stopping on the loss, which differs from process to process, with a learning rate that makes it rise."""
    stopping = EarlyStopping("loss", patience=1)
    return trained(devices, partial(sgd, rate=2.0), net=Normed, epochs=20, early_stopping=stopping)


def early_by_a_tensor(devices: int) -> dict[str, Tensor]:
    """Early stopping on what each measures for itself, as a tensor: it gets better in one process, worse in the other.

    The mean gets worse from the second epoch on, so that all end after the third.
    """
    values = iter(((4.0, 3.0, 2.0, 1.0, 0.0), (1.0, 3.0, 9.0, 27.0, 81.0))[RANK])
    options = {"early_stopping": EarlyStopping("score", patience=2), "epochs": 5}
    return trained(devices, sgd, evaluate=lambda net: {"score": torch.tensor(next(values))}, **options)


WAYS = {
    "sgd": lambda devices: trained(devices, sgd),
    "sam": lambda devices: trained(devices, sam),
    "quantized": lambda devices: trained(devices, sgd, quantize=True),
    "plateau": plateau,
    "early": early,
    "early by a tensor": early_by_a_tensor,
    "normed": lambda devices: trained(devices, sgd, net=Normed),
}

if __name__ == "__main__":
    for name, way in WAYS.items():
        torch.save(way(2), Path(sys.argv[1]) / f"{name}_{RANK}.pt")
    for _ in range(200):  # all at one path: whoever is last wins, and nobody finds half a file of the other's
        save_weights(Net(), Path(sys.argv[1]) / "same.safetensors")
