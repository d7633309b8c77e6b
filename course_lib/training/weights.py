"""A network's weights alone, as safetensors."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.paths import expanded, written_whole
from course_lib.training.description import difference
from course_lib.training.names import named_as_in, plain_state


def save_weights(backbone: nn.Module, path: Path | str) -> None:
    """Write a network's weights and buffers to ``path``, whole or not at all.

    They have the names that the network itself gives them, also where it is compiled or wrapped for several devices.
    """
    with written_whole(expanded(path)) as unfinished:
        save_file({name: tensor.contiguous() for name, tensor in plain_state(backbone).items()}, unfinished)


def load_weights(backbone: nn.Module, path: Path | str) -> None:
    """Read weights that ``save_weights`` wrote into a network of the same shape.

    Prefixes that PyTorch's wrappers put before the names (``module.``, ``_orig_mod.``) may differ.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no safetensors file, or holds another network's weights; the message names file and
            tensor.
    """
    path = expanded(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected a file written by save_weights")
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file ({error}); expected one written by save_weights") from error
    stored = named_as_in(backbone.state_dict(), stored)
    there = {name: tuple(tensor.shape) for name, tensor in stored.items()}
    here = {name: tuple(tensor.shape) for name, tensor in backbone.state_dict().items()}
    if there != here:
        raise ValueError(f"{path} holds another network: {difference('network', there, here)}")
    backbone.load_state_dict(stored)
