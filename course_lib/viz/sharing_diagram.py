"""Which kernel a layer uses at which position of its output: one for all, or one for each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import nn

from course_lib.backbones import LocallyConnected2d
from course_lib.viz import _checks
from course_lib.viz.diagram_canvas import EDGE, Diagram, canvas, note
from course_lib.viz.diagram_graph import inside
from course_lib.viz.diagram_words import label
from course_lib.viz.layout import LEGEND_POINTS
from course_lib.viz.style import COLOURS

CELL, HEAD, MARGIN, LARGEST = 0.42, 0.65, 0.35, 9  # inches; the largest side of a map that is drawn
PALE = 0.65  # of white in a colour that text lies on


def sharing_diagram(
    layers: Mapping[str, nn.Conv2d | LocallyConnected2d], shape: tuple[int, int, int], *, title: str
) -> Diagram:
    """The output map of each layer on an input (N, *shape), every position marked with the kernel that computes it.

    Positions of one colour and one number share their kernel: ``{heading: layer}``.

    Returns the figure and its alt text. Raises TypeError for other layers, ValueError where a layer does not take the
    shape, or where its map is larger than 9 on a side: draw a smaller example.
    """
    _checks.not_empty("layers", layers)
    maps = {heading: _kernels(heading, layer, shape) for heading, layer in layers.items()}
    rows, columns = np.max([kernels.shape for kernels in maps.values()], axis=0)
    panel = max(columns * CELL, 2.4)
    width = max(len(maps) * (panel + MARGIN) + MARGIN, 5.5)
    figure, axis = canvas(width, HEAD + rows * CELL + 0.1, title)
    space = (width - len(maps) * panel) / (len(maps) + 1)
    said = []
    for place, (heading, kernels) in enumerate(maps.items()):
        left = space + place * (panel + space)
        parameters = sum(parameter.numel() for parameter in layers[heading].parameters())
        _draw(axis, kernels, left + panel / 2, heading, parameters)
        said.append(
            f"{heading} ({label(layers[heading])}): {kernels.size} positions in {len(kernels)} rows, "
            f"{kernels.max()} kernel{'s' if kernels.max() > 1 else ''}, {parameters:,} parameters"
        )
    return Diagram(figure, f"Output maps whose positions are marked with their kernel. {'; '.join(said)}.")


def _kernels(heading: str, layer: nn.Module, shape: tuple[int, int, int]) -> np.ndarray:
    """(H, W): the number of the kernel at each position of the output, from 1."""
    if not isinstance(layer, (nn.Conv2d, LocallyConnected2d)):
        raise TypeError(f"layers[{heading!r}] is {type(layer).__name__}; expected nn.Conv2d or LocallyConnected2d")
    height, width = inside(layer, shape).parts[-1].shape[1:]
    if max(height, width) > LARGEST:
        raise ValueError(
            f"layers[{heading!r}] puts out {height}x{width} positions; expected at most {LARGEST} a side: give a "
            "smaller example"
        )
    own = np.arange(1, height * width + 1).reshape(height, width)
    return own if isinstance(layer, LocallyConnected2d) else np.ones_like(own)


def _draw(axis: Axes, kernels: np.ndarray, middle: float, heading: str, parameters: int) -> None:
    note(axis, middle, 0.13, heading, side="center", fontsize=LEGEND_POINTS, fontweight="bold", color="black")
    note(axis, middle, 0.33, f"{parameters:,} parameters", side="center")
    left = middle - kernels.shape[1] * CELL / 2
    for (row, column), kernel in np.ndenumerate(kernels):
        corner = left + column * CELL, HEAD - 0.1 + row * CELL
        tint = _pale(COLOURS[(kernel - 1) % len(COLOURS)])
        axis.add_patch(Rectangle(corner, CELL, CELL, facecolor=tint, edgecolor=EDGE, linewidth=0.8))
        note(axis, corner[0] + CELL / 2, corner[1] + CELL / 2, f"$w_{{{kernel}}}$", side="center", color="black")


def _pale(colour: str) -> tuple[float, ...]:
    return tuple(PALE + (1 - PALE) * int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
