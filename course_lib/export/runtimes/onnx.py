"""ONNX Runtime: any ONNX file that takes faces and gives one embedding each."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.export.runtimes.loaded import Loaded
from course_lib.export.runtimes.onnx_memory import peak_activation_bytes
from course_lib.export.runtimes.signature import check_embeddings_given, faces_taken


def load(path: Path, threads: int) -> Loaded:
    """Open the file on the CPU.

    Raises:
        ModuleNotFoundError: onnxruntime is not installed.
        ValueError: the file is damaged, takes something else than faces, or gives something else than embeddings.
    """
    session = open_session(path, threads)
    taken, given = session.get_inputs(), session.get_outputs()
    batch, size = faces_taken(path, taken)
    check_embeddings_given(path, given)

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
        what = f"onnxruntime, which runs {path.name}, is not installed"
        raise ModuleNotFoundError(f"{what}; pip install onnxruntime") from error
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # on a busy machine it costs many times
    settings.log_severity_level = 4  # what fails is raised, and would be said twice
    try:
        return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base
        raise ValueError(f"{path} is no ONNX file that ONNX Runtime can run ({str(error).splitlines()[0]})") from error
