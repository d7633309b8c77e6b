"""A network's weights alone, as safetensors."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.paths import expanded, written_whole
from course_lib.stand_ins import refuse_stand_in
from course_lib.training.description import difference
from course_lib.training.names import named_as_in, plain_state

OF_TORCH = (b"PK\x03\x04", b"\x80\x02")  # how its files begin: an archive, and before version 1.6 a pickle


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
        ValueError: the file is no safetensors file, or holds another network's weights, whole numbers in their place,
            or such as are not finite; the message names file and tensor.
    """
    path = expanded(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; expected a file written by save_weights")
    refuse_stand_in(path)
    try:
        stored = load_file(path)
    except SafetensorError as error:
        with open(path, "rb") as file:
            if file.read(4).startswith(OF_TORCH):
                raise ValueError(
                    f"{path} is no safetensors file, but one of torch.save. If it holds a state_dict, read it once by "
                    "network.load_state_dict(torch.load(path, weights_only=True)), and write it by save_weights"
                ) from error
        raise ValueError(f"{path} is no safetensors file ({error}); expected one written by save_weights") from error
    stored = named_as_in(backbone.state_dict(), stored)
    there = {name: tuple(tensor.shape) for name, tensor in stored.items()}
    here = {name: tuple(tensor.shape) for name, tensor in backbone.state_dict().items()}
    if there != here:
        raise ValueError(f"{path} holds another network: {difference('network', there, here)}")
    for name, tensor in backbone.state_dict().items():
        if stored[name].is_floating_point() != tensor.is_floating_point():
            raise ValueError(f"{path}: its {name} is {stored[name].dtype}; expected {tensor.dtype}")
        if not stored[name].isfinite().all():
            raise ValueError(f"{path}: its {name} is not finite; expected weights of a training that did not diverge")
    backbone.load_state_dict(stored)
