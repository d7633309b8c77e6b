"""A network from a name or a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from course_lib import weights
from course_lib.export import Runtime
from course_lib.export.runtime import ENDINGS, WEIGHTS
from course_lib.export.runtimes import pytorch
from course_lib.paths import expanded

INT8 = ".int8"


def load_network(
    model: str,
    *,
    architecture: str | None = None,
    options: Mapping[str, object] | None = None,
    trusted: bool = True,
) -> Runtime:
    """Load what a model is named by.

    Args:
        model: a shipped one, ``mobilefacenet_075_relu``, or in 8 bits, ``mobilefacenet_075_relu.int8``; or a file that
            ``export.Runtime`` knows, such as ``.onnx`` and ``.safetensors``.
        architecture: of a safetensors file, which holds weights only: a name that ``backbones.create`` knows.
        options: of that architecture, such as ``{"width": 0.75}``.
        trusted: False to run a file in a process of its own, see ``export.Runtime``; shipped ones are trusted always.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no such model is shipped, or ``export.Runtime`` refuses the file.
        ModuleNotFoundError: what runs the file is not installed.
        RuntimeError: the file is not trusted, and took too long or too much memory to open, or crashed.
    """
    if Path(model).suffix.lower() in ENDINGS:
        return Runtime(model, architecture=architecture, options=options, trusted=trusted)
    name = model.removesuffix(INT8)
    if name not in weights.available():
        names = [shipped + suffix for shipped in weights.available() for suffix in ("", INT8)]
        raise ValueError(f"no model {model!r}: expected {', '.join(names)}, or a file {' or '.join(ENDINGS)}")
    if architecture or options:
        raise ValueError(f"an architecture is given, but {model} has its own; it is for .safetensors files")
    return Runtime(weights.int8_file(name)) if model.endswith(INT8) else Runtime.of(weights.load(name), name)


def load_module(
    model: str, *, architecture: str | None = None, options: Mapping[str, object] | None = None
) -> nn.Module:
    """Load what a model in 32 bits is named by as a PyTorch network: a shipped one, or a ``.safetensors`` file.

    Args:
        model, architecture, options: as ``load_network`` takes them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such model or file, or architecture and file do not belong together.
    """
    if model.lower().endswith(WEIGHTS):
        return pytorch.network(expanded(model), architecture, options or {})
    if model not in weights.available():
        shipped = ", ".join(weights.available())
        raise ValueError(f"no model {model!r} in 32 bits: expected {shipped}, or a file {WEIGHTS} with its network")
    if architecture or options:
        raise ValueError(f"an architecture is given, but {model} has its own; it is for {WEIGHTS} files")
    return weights.load(model)
