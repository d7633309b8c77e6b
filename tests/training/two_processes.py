"""One training script run in one process and in two, and what comes out of each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
SCRIPT = """
from functools import partial
import torch
from course_lib.data import ImageSet
from course_lib.losses import CenterLoss
from course_lib.optim import SAM
from course_lib.training import fit

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.out = torch.nn.Linear(72, 5)
    def forward(self, images):
        return self.out(images.flatten(1)).tanh()

torch.manual_seed(0)
images = torch.randint(255, (90, 1, 8, 9), dtype=torch.uint8)
train = ImageSet(images, torch.arange(3).repeat(30), ("a", "b", "c"), "noise")
net, criterion = Net(), CenterLoss(5, 3, weight=0.1, seed=0)
parameters = [*net.parameters(), *criterion.parameters()]
fit(net, criterion, train, optimizer={optimizer}, epochs=2, batch_size=20, precision="32-true", accelerator="cpu",
    devices={devices}, strategy="{strategy}")
if int(__import__("os").environ.get("LOCAL_RANK", 0)) == 0:
    torch.save({{**net.state_dict(), **criterion.state_dict()}}, "{path}")
"""


def states_of_one_and_two(optimizer: str, folder: Path) -> list[dict[str, torch.Tensor]]:
    """All that one process learned, and two; ``optimizer`` is code over ``parameters``, ``net`` and ``criterion``."""
    states = []
    for devices, strategy in ((1, "auto"), (2, "ddp")):
        file, path = folder / f"train_{devices}.py", folder / f"{devices}.pt"
        file.write_text(SCRIPT.format(optimizer=optimizer, devices=devices, strategy=strategy, path=path))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, str(file)], check=True, env=environment, capture_output=True, timeout=240)
        states.append(torch.load(path, weights_only=True))
    return states
