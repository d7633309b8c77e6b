"""Checkpoints of a run: written whole or not at all, read without executing anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from course_lib.paths import expanded, written_whole
from course_lib.training.batches import Batches
from course_lib.training.description import describe, difference, of_optimizer, of_parts, of_schedule
from course_lib.training.run import Run
from course_lib.training.saved import read_saved, savable

FORMAT = 2  # of the description; the first had no numbers of schedules and parameter groups


class Checkpoint:
    """The file that a run is saved to and restored from; with ``path`` None both do nothing.

    Beside the run's state it holds a description of the run's settings at its beginning, so that another run's
    checkpoint is refused rather than continued by mistake.
    """

    def __init__(
        self, path: Path | str | None, run: Run, batches: Batches, precision: str, *, is_writer: bool = True
    ) -> None:
        self.path = None if path is None else expanded(path)
        if self.path is not None and self.path.is_dir():
            raise ValueError(f"{self.path} is a folder; expected a checkpoint's file, such as {self.path / 'run.ckpt'}")
        self.run = run
        self.steps_per_epoch = len(batches)
        self.is_writer = is_writer
        self.settings = {} if path is None else {"format": FORMAT, **describe(run, batches, precision)}
        if path is not None:
            self._state()  # what could not be read back is said before the work

    def _now(self) -> dict[str, Any]:
        """The settings that training may change, as they are now."""
        return {
            "optimizer now": of_optimizer(self.run.optimizer),
            "schedule now": of_schedule(self.run.schedule),
            "parts of the backbone now": of_parts(self.run.backbone),
            "parts of the criterion now": of_parts(self.run.criterion),
        }

    def _state(self) -> dict[str, Any]:
        """All that is saved; ``TypeError`` names what could not be read back."""
        return savable({"settings": self.settings, **self._now(), **self.run.state()}, "the checkpoint")

    def save(self) -> None:
        """Write the run's state so that at every moment the file holds either the old checkpoint or the new one."""
        if self.path is None or not self.is_writer:
            return
        with written_whole(self.path) as unfinished, open(unfinished, "wb") as file:
            torch.save(self._state(), file)
            file.flush()
            os.fsync(file.fileno())

    def restore(self) -> None:
        """Take up the run where the file left it; nothing happens where there is no file.

        Raises:
            ValueError: the file is damaged, holds anything but tensors and plain values (such as code), or is of
                another run; the message names the file and what differs.
        """
        if self.path is None or not self.path.exists():
            return
        state = self._read()
        self._check(state)
        self.settings = {**self.settings, **state["settings"]}
        try:
            self.run.load_state(state, self.steps_per_epoch)
        except ValueError as error:
            raise ValueError(f"{self.path} is no checkpoint of fit(): {error}. Delete it to start afresh") from error

    def _check(self, state: dict[str, Any]) -> None:
        """Raise for another run's checkpoint. What training changes may be as at the run's beginning, or where it is.

        The second is so where one program calls ``fit`` again with the objects that it has trained with. The parts are
        not known of a run whose checkpoint is older than their description, and then not compared.
        """
        if state["settings"].get("format") != FORMAT:
            raise ValueError(
                f"{self.path} was written by an older version of this library, which did not record the numbers that "
                "tell two runs apart. To begin a run from its weights: "
                f'net.load_state_dict(torch.load({str(self.path)!r}, weights_only=True)["backbone"]), and another '
                "checkpoint=. To start afresh, delete it or give resume=False"
            )
        for key, here in self.settings.items():
            if key.startswith("parts of ") and key not in state["settings"]:
                continue
            there, now = state["settings"].get(key), f"{key} now"
            if there != here and (now not in state or state[now] != here):
                raise ValueError(
                    f"{self.path} is the checkpoint of another run: {difference(key, there, here)}. "
                    "Give another checkpoint=, or resume=False to overwrite it. (A run is prolonged with the settings "
                    "and the schedule that it began with; for others, begin a new one from its weights)"
                )

    def _read(self) -> dict[str, Any]:
        try:
            state = read_saved(self.path)
        except ValueError as error:
            raise ValueError(
                f"{self.path} is no checkpoint of fit(): it is damaged, or holds more than tensors and plain values "
                f"({error}). Nothing in it was run. Delete it to start afresh"
            ) from error
        if not isinstance(state, dict) or not isinstance(state.get("settings"), dict):
            raise ValueError(
                f"{self.path} is no checkpoint of fit(); expected one that it wrote. Delete it to start afresh"
            )
        return state
