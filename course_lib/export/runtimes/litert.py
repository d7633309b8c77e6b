"""LiteRT: any TensorFlow Lite file that takes faces and gives one embedding each."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_lib.export.packages import needed_for, quietly
from course_lib.export.runtimes.loaded import Loaded
from course_lib.export.runtimes.signature import Value, check_embeddings_given, faces_taken

CHANNELS_FIRST, CHANNELS_LAST = (0, 1, 2, 3), (0, 2, 3, 1)  # of what is (N, C, H, W)
ARENA_AT_MOST = 1 << 26  # bytes: what TFLite Micro may plan with, far above a telephone's share
ARENA = re.compile(rb"Arena allocation total (\d+) bytes")


def load(path: Path, threads: int) -> Loaded:
    """Open the file. Its channels may come first, as in PyTorch, or last, as in TensorFlow.

    Where its batch holds several faces, it is filled up with grey ones, whose embeddings are dropped.

    Raises:
        ModuleNotFoundError: LiteRT is not installed.
        ValueError: the file is damaged, takes something else than faces, or gives something else than embeddings.
    """
    interpreter = open_interpreter(path, threads)
    taken, given = interpreter.get_input_details(), interpreter.get_output_details()
    inputs, order = [_value(details) for details in taken], CHANNELS_FIRST
    if len(inputs) == 1 and len(inputs[0].shape) == 4 and inputs[0].shape[3] in (1, 3):
        batch, height, width, channels = inputs[0].shape
        inputs, order = [inputs[0]._replace(shape=[batch, channels, height, width])], CHANNELS_LAST
    _, size = faces_taken(path, inputs)
    check_embeddings_given(path, [_value(details) for details in given])
    batch_size = int(taken[0]["shape"][0])

    def embed(images: Tensor) -> Tensor:
        interpreter.set_tensor(taken[0]["index"], images.permute(*order).contiguous().numpy())
        interpreter.invoke()
        return torch.from_numpy(interpreter.get_tensor(given[0]["index"])).flatten(1)

    def forward(images: Tensor) -> Tensor:
        filled = torch.cat([images, images.new_zeros(-len(images) % batch_size, *size)])
        return torch.cat([embed(part) for part in filled.split(batch_size)])[: len(images)]

    return Loaded(forward, size[1:], size[0], batch_size, arena_bytes=partial(arena_bytes, path))


def open_interpreter(path: Path, threads: int) -> Any:
    """An ``ai_edge_litert.interpreter.Interpreter`` that is ready to run; the errors are those of ``load``."""
    with quietly():
        with needed_for(f"{path.name} is run by it", "litert"):
            from ai_edge_litert.interpreter import Interpreter
        try:
            interpreter = Interpreter(str(path), num_threads=threads)
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{path} is no TensorFlow Lite file that LiteRT can run ({error})") from error
    return interpreter


def arena_bytes(path: Path) -> int | None:
    """What TensorFlow Lite Micro, for microcontrollers, plans for one run, its own records included, weights not.

    None where tflite-micro is not installed or cannot run the file, and where it gives nothing but zeros: it does not
    see weights that lie behind the file's flatbuffer.
    """
    try:
        from tflite_micro.python.tflite_micro.runtime import Interpreter
    except ModuleNotFoundError:
        return None
    with quietly() as said:
        try:
            interpreter = Interpreter.from_bytes(path.read_bytes(), arena_size=ARENA_AT_MOST)
            shape = interpreter.get_input_details(0)["shape"]
            interpreter.set_input(np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32), 0)
            interpreter.invoke()
        except (RuntimeError, ValueError):
            return None
        interpreter.print_allocations()  # to C++'s stderr, and nowhere else
        said.seek(0)
        total = ARENA.search(said.read())
    return int(total[1]) if total and interpreter.get_output(0).any() else None


def _value(details: dict[str, Any]) -> Value:
    batch, *sides = details["shape"].tolist() or [1]
    return Value(details["name"], np.dtype(details["dtype"]).name, [f"{batch} at a time", *sides])
