"""ONNX Runtime: any ONNX file that takes faces and gives one embedding each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.export.runtimes.loaded import Loaded
from course_lib.export.runtimes.onnx_memory import peak_activation_bytes


def load(path: Path, threads: int) -> Loaded:
    """Open the file on the CPU.

    Raises:
        ModuleNotFoundError: onnxruntime is not installed.
        ValueError: the file is damaged, takes something else than faces, or gives something else than embeddings.
    """
    session = open_session(path, threads)
    taken, given = session.get_inputs(), session.get_outputs()
    batch, size = _taken(path, taken)
    _check_given(path, given)

    def forward(images: Tensor) -> Tensor:
        embeddings = torch.from_numpy(session.run([given[0].name], {taken[0].name: images.numpy()})[0])
        if len(embeddings) != len(images):
            raise ValueError(f"{path} gives {tuple(embeddings.shape)} for {len(images)} faces; expected one row a face")
        return embeddings.flatten(1)

    return Loaded(forward, size[1:], size[0], batch, partial(peak_activation_bytes, path, (1, *size)))


def open_session(path: Path, threads: int) -> Any:
    """An ``InferenceSession``; the errors are those of ``load``."""
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"onnxruntime, which runs {path.name}, is not installed; pip install -e .") from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base
        raise ValueError(f"{path} is no ONNX file that ONNX Runtime can run ({str(error).splitlines()[0]})") from error


def _taken(path: Path, inputs: list[Any]) -> tuple[int | None, tuple[int, int, int]]:
    """The batch size that a file fixes, or None, and (channels, height, width); ValueError unless it takes faces."""
    batch, *size = inputs[0].shape if len(inputs) == 1 and len(inputs[0].shape) == 4 else (None,)
    fits = len(size) == 3 and all(isinstance(side, int) for side in size) and size[0] in (1, 3)
    if not fits or inputs[0].type != "tensor(float)" or (isinstance(batch, int) and batch != 1):
        raise ValueError(
            f"{path} takes {_listed(inputs)}; expected one float input of (N or 1, 1 or 3 channels, height, width)"
        )
    return (batch if isinstance(batch, int) else None), (size[0], size[1], size[2])


def _check_given(path: Path, outputs: list[Any]) -> None:
    """One row of numbers a face: (N, D), where sides of length one may follow. A shape that is not told is let pass."""
    sides = outputs[0].shape or []
    row = [side for side in sides[1:] if side != 1]
    if len(outputs) != 1 or outputs[0].type != "tensor(float)" or (sides and len(row) != 1):
        raise ValueError(
            f"{path} is no embedder: it gives {_listed(outputs)}; expected one float output, an embedding (N, D)"
        )


def _listed(values: list[Any]) -> str:
    return ", ".join(sorted(f"{value.name}: {value.type} {value.shape}" for value in values))
