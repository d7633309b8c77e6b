"""PyTorch: weights that ``training.save_weights`` wrote, put into the architecture that the caller names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from torch import nn

from course_lib import backbones, cost
from course_lib.export.network_input import takes
from course_lib.export.runtimes.loaded import Loaded
from course_lib.training import load_weights
from course_lib.training.embed import device_of, prepared


def load(path: Path, architecture: str | None, options: Mapping[str, object]) -> Loaded:
    """Build the network and load its weights; raises as ``network``."""
    return of(network(path, architecture, options))


def network(path: Path, architecture: str | None, options: Mapping[str, object]) -> nn.Module:
    """A network with the weights of a file, in evaluation mode.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: there is no architecture, no such one, or the file is damaged or of another.
    """
    if architecture is None:
        raise ValueError(
            f"{path} holds weights but not the network's name; give the architecture, one of "
            f"{', '.join(backbones.available())}, and its options"
        )
    try:
        module = backbones.create(architecture, **options)
    except TypeError as error:  # an option that the network does not have
        raise ValueError(str(error)) from error
    load_weights(module, path)
    return module.eval()


def of(module: nn.Module) -> Loaded:
    """A network from now on in evaluation mode, on the device it is on; ``ValueError`` as ``takes`` says."""
    channels, *size = takes(module)
    device = device_of(module)
    module.eval()
    return Loaded(
        forward=lambda images: module(images.to(device)).float().cpu(),
        input_size=(size[0], size[1]),
        in_channels=channels,
        prepared=partial(prepared, module),
        peak_activation_bytes=lambda: cost.count(module, tuple(size), in_channels=channels).peak_fp32_bytes,
    )
