"""One training script run in one process and in two, and what comes out of each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]


def states_of_one_and_two(script: str, folder: Path) -> list[dict[str, torch.Tensor]]:
    """The state dict that ``script`` saves at ``{path}``, with ``{devices}`` and ``{strategy}`` filled in."""
    states = []
    for devices, strategy in ((1, "auto"), (2, "ddp")):
        file, path = folder / f"train_{devices}.py", folder / f"{devices}.pt"
        file.write_text(script.format(devices=devices, strategy=strategy, path=path))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, str(file)], check=True, env=environment, capture_output=True, timeout=240)
        states.append(torch.load(path, weights_only=True))
    return states
