"""A network's weights alone, as safetensors."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.training.checkpoint import difference


def save_weights(backbone: nn.Module, path: Path | str) -> None:
    """Write a network's weights and buffers to ``path``, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    save_file({name: tensor.contiguous() for name, tensor in backbone.state_dict().items()}, unfinished)
    os.replace(unfinished, path)


def load_weights(backbone: nn.Module, path: Path | str) -> None:
    """Read weights that ``save_weights`` wrote into a network of the same shape.

    Raises:
        ValueError: the file is no safetensors file, or holds another network's weights; the message names file and
            tensor.
    """
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file ({error}); expected one written by save_weights") from error
    there = {name: tuple(tensor.shape) for name, tensor in stored.items()}
    here = {name: tuple(tensor.shape) for name, tensor in backbone.state_dict().items()}
    if there != here:
        raise ValueError(f"{path} holds another network: {difference('network', there, here)}")
    backbone.load_state_dict(stored)
