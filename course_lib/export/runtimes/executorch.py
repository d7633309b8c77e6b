"""ExecuTorch: any program that takes one face and gives its embedding, such as ``to_executorch`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from course_lib.export.packages import needed_for, quietly
from course_lib.export.runtimes.loaded import Loaded
from course_lib.export.runtimes.signature import Value, check_embeddings_given, faces_taken

METHOD = "forward"
FLOAT32 = 6  # ExecuTorch's number of the type


def load(path: Path, threads: int) -> Loaded:
    """Open the file; one thread runs it, whatever ``threads`` says.

    ExecuTorch has one pool of threads for all of a process, and a program that is open points to it: whoever replaces
    the pool under an open program ends the process. So it is replaced once, when the first file is opened here, and
    programs that were opened by hand before that must not be run any more.

    Truncated files are refused. One that is damaged in the middle may be refused or end the process, as ExecuTorch
    verifies the file's frame only.

    Raises:
        ModuleNotFoundError: executorch is not installed.
        ValueError: the file is damaged, takes something else than faces, or gives something else than embeddings.
    """
    program = open_program(path)
    meta = program.metadata(METHOD)
    taken = [_value(f"input {i}", meta.input_tensor_meta(i)) for i in range(meta.num_inputs())]
    given = [_value(f"output {i}", meta.output_tensor_meta(i)) for i in range(meta.num_outputs())]
    _, size = faces_taken(path, taken)
    check_embeddings_given(path, given)

    def forward(images: Tensor) -> Tensor:
        return program.load_method(METHOD).execute([images.contiguous()])[0].flatten(1)

    try:
        with quietly():
            forward(torch.zeros(1, *size))
    except RuntimeError as error:
        raise ValueError(
            f"{path} does not run with one face ({error}); expected a batch of 1, fixed or free"
        ) from error
    return Loaded(forward, size[1:], size[0], batch_size=1)


def open_program(path: Path) -> Any:
    """An ``executorch.runtime.Program`` that is ready to run; the errors are those of ``load``."""
    with quietly():
        with needed_for(f"{path.name} is run by it", "executorch"):
            from executorch.extension.pybindings import portable_lib
            from executorch.runtime import Runtime

        if portable_lib._threadpool_get_thread_count() != 1:
            portable_lib._unsafe_reset_threadpool(1)
        try:
            program = Runtime.get().load_program(path.read_bytes())
            program.load_method(METHOD)
        except (RuntimeError, KeyError) as error:
            raise ValueError(f"{path} is no ExecuTorch file that runs here ({error})") from error
    return program


def _value(name: str, meta: Any) -> Value:
    """A side that may vary is told by its greatest length, so a batch of more than one is taken for a free one."""
    batch, *sides = meta.sizes() or [1]
    kind = "float32" if meta.dtype() == FLOAT32 else f"type {meta.dtype()}"
    return Value(name, kind, [1 if batch == 1 else f"up to {batch}", *sides])
