"""Checkpoints of a run: written whole or not at all, read without executing anything."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from course_lib.training.batches import Batches
from course_lib.training.run import Run


class Checkpoint:
    """The file that a run is saved to and restored from; with ``path`` None both do nothing.

    Beside the run's state it holds a description of the run's settings, so that another run's checkpoint is refused
    rather than continued by mistake.
    """

    def __init__(
        self, path: Path | str | None, run: Run, batches: Batches, precision: str, *, is_writer: bool = True
    ) -> None:
        self.path = None if path is None else Path(path)
        self.run = run
        self.is_writer = is_writer
        self.settings = {} if path is None else describe(run, batches, precision)

    def save(self) -> None:
        """Write the run's state so that at every moment the file holds either the old checkpoint or the new one."""
        if self.path is None or not self.is_writer:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(self.path.name + ".unfinished")
        with open(unfinished, "wb") as file:
            torch.save({"settings": self.settings, **self.run.state()}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self.path)

    def restore(self) -> None:
        """Take up the run where the file left it; nothing happens where there is no file.

        Raises:
            ValueError: the file is damaged, holds anything but tensors and plain values (such as code), or is of
                another run; the message names the file and what differs.
        """
        if self.path is None or not self.path.exists():
            return
        state = self._read()
        for key, here in self.settings.items():
            there = state["settings"].get(key)
            if there != here:
                raise ValueError(
                    f"{self.path} is the checkpoint of another run: {difference(key, there, here)}. "
                    "Give another checkpoint=, or resume=False to overwrite it"
                )
        self.run.load_state(state)

    def _read(self) -> dict[str, Any]:
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, AttributeError) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(
                f"{self.path} is no checkpoint of fit(): it is damaged, or holds more than tensors and plain values "
                f"({reason}). Nothing in it was run. Delete it to start afresh"
            ) from error
        if not isinstance(state, dict) or "settings" not in state:
            raise ValueError(
                f"{self.path} is no checkpoint of fit(); expected one that it wrote. Delete it to start afresh"
            )
        return state


def describe(run: Run, batches: Batches, precision: str) -> dict[str, Any]:
    """What makes two runs the same run, in plain values. ``epochs`` is not part of it: a finished run may be
    prolonged."""
    pixels, labels = batches.images.images, batches.images.labels
    data = hashlib.sha256(labels.numpy().tobytes() + str((tuple(pixels.shape), int(pixels.sum()))).encode()).hexdigest()
    return {
        "precision": precision,
        "backbone": {name: tuple(tensor.shape) for name, tensor in run.backbone.state_dict().items()},
        "criterion": " ".join(repr(run.criterion).split()),
        "optimizer": f"{type(run.optimizer).__name__} {run.optimizer.defaults}",
        "schedule": type(run.schedule).__name__,
        "early stopping": repr(run.early_stopping),
        "batch size": batches.batch_size,
        "augmentation": repr(batches.augment),
        "seed": batches.seed,
        "images": data,
    }


def difference(key: str, there: Any, here: Any) -> str:
    """Say in words where two descriptions of ``key`` part."""
    if isinstance(there, dict) and isinstance(here, dict):
        name = next(name for name in [*here, *there] if there.get(name) != here.get(name))
        return f"its {key} has {name} = {there.get(name)}, here it is {here.get(name)}"
    return f"its {key} is {there}, here it is {here}"
