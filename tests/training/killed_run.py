"""A run of ``fit`` that is killed and started again: python killed_run.py FOLDER

Writes FOLDER/whole.pt, learned without a break, and FOLDER/killed.pt; prints how often the second run was killed. One
process imports PyTorch and forks each run, so that what is killed is training and not an import.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import torch
from tiny_network import TinyNet

from course_lib.data import Compose, ImageSet, RandomFlip, RandomShift
from course_lib.losses import CenterLoss
from course_lib.training import EarlyStopping, fit


def train(checkpoint: Path, result: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (90, 1, 8, 9), generator=generator, dtype=torch.uint8)
    data = ImageSet(images, torch.arange(3).repeat(30), ("a", "b", "c"), "noise")
    net, criterion = TinyNet(), CenterLoss(5, 3, weight=0.1, seed=0)
    optimizer = torch.optim.AdamW([*net.parameters(), *criterion.parameters()], lr=0.01)
    fit(
        net,
        criterion,
        data,
        optimizer=optimizer,
        schedule=torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=60 * 9),
        epochs=60,
        batch_size=10,
        augment=Compose((RandomFlip(), RandomShift(1))),
        checkpoint=checkpoint,
        checkpoint_every=4,
        evaluate=lambda net: {"norm": float(net.out.weight.norm())},
        early_stopping=EarlyStopping("loss", patience=60),
    )
    torch.save({**net.state_dict(), **criterion.state_dict()}, result)


def started(checkpoint: Path, result: Path) -> int:
    """The number of a new process that trains."""
    child = os.fork()
    if child:
        return child
    try:
        train(checkpoint, result)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(folder: Path) -> None:
    began = time.perf_counter()
    assert os.waitpid(started(folder / "whole.ckpt", folder / "whole.pt"), 0)[1] == 0
    duration = time.perf_counter() - began

    moments, kills = random.Random(0), 0
    checkpoint, result = folder / "killed.ckpt", folder / "killed.pt"
    for attempt in range(5):
        run = started(checkpoint, result)
        # Each attempt gets about a fifth of the way, and dies at a moment of no particular kind.
        time.sleep(duration * moments.uniform(0.05, 0.3 if attempt else 0.2))
        os.kill(run, signal.SIGKILL)  # of one that is over nothing is left but its exit code
        kills += os.waitpid(run, 0)[1] == signal.SIGKILL
    if not result.exists():
        assert os.waitpid(started(checkpoint, result), 0)[1] == 0
    print(kills)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
