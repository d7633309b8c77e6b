"""What faces a network in memory takes: two attributes that the course's backbones have, and one's own may lack."""

from __future__ import annotations

from torch import nn


def takes(model: nn.Module) -> tuple[int, int, int]:
    """(C, H, W) of the faces, as the attributes ``in_channels`` and ``input_size`` (height, width) say.

    Raises:
        ValueError: one of them is missing, or no such number; the message says what to set.
    """
    name = type(model).__name__
    for attribute, example in (("in_channels", "3"), ("input_size", "(112, 112)")):
        if not hasattr(model, attribute):
            raise ValueError(
                f"{name} does not say what faces it takes: it has no attribute {attribute}. Set it, such as "
                f"model.{attribute} = {example}"
            )
    if model.in_channels not in (1, 3):
        raise ValueError(f"{name}.in_channels is {model.in_channels!r}; expected 1 for grey or 3 for RGB")
    size = model.input_size
    if not isinstance(size, (tuple, list)) or len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):
        raise ValueError(f"{name}.input_size is {size!r}; expected (height, width) in pixels, such as (112, 112)")
    height, width = size
    return model.in_channels, height, width
