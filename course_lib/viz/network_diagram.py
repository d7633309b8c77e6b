"""A whole network as a chain of its stages, with what each costs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

from course_lib.backbones import create
from course_lib.viz import diagram_words as words
from course_lib.viz.diagram_canvas import PILE, Diagram, Line, arrow, box, canvas, height_of, note, text_lines
from course_lib.viz.diagram_stages import Stage, stages
from course_lib.viz.layout import LEGEND_POINTS
from course_lib.viz.style import COLOURS

LEFT, WIDTH = 0.12, 4.15  # of the boxes, in inches
GAP = 0.24  # between two boxes
BARS = {"parameters": 4.65, "multiply-adds": 6.9}  # where each column of bars begins
LONGEST = 1.5  # of a bar
FIGURE_WIDTH, HEAD = 9.0, 0.5


def network_diagram(
    network: str | nn.Module,
    *,
    title: str,
    input_size: tuple[int, int] | None = None,
    in_channels: int | None = None,
    costs: bool = True,
) -> Diagram:
    """The stages of a network from the image to the embedding: what they are, what they put out and what they cost.

    All of it is read off the network, so a diagram cannot contradict what is built:
    ``viz.show(*viz.network_diagram("mobilefacenet", title="..."))``.

    Args:
        network: a name that ``backbones.create`` knows, or a network.
        title: what the figure shows.
        input_size: (height, width) of the images; None takes the network's own.
        in_channels: of the images; None takes the network's own, or 3.
        costs: False leaves the shares of parameters and multiply-adds out, for a reader who is to find them.

    Returns the figure and its alt text. Raises ValueError where a network without an ``input_size`` is given none, for
    an unknown name, and for images that the network does not take.
    """
    if isinstance(network, str):
        with torch.device("meta"):
            network = create(network)
    size = input_size or getattr(network, "input_size", None)
    if size is None:
        raise ValueError(f"{type(network).__name__} has no input_size; give input_size=(height, width) in pixels")
    channels = in_channels or getattr(network, "in_channels", 3)
    chain = stages(network, size, channels)
    return Diagram(_draw(chain, (channels, *size), title, costs), _alt(chain, (channels, *size), costs))


def _draw(chain: Sequence[Stage], image: tuple[int, ...], title: str, costs: bool) -> Figure:
    boxes = [text_lines(_words(stage), (), WIDTH - 0.2) for stage in chain]
    end = height_of([Line("", LEGEND_POINTS)])
    piles = PILE * sum(len(stage.modules) > 1 for stage in chain)
    height = HEAD + 2 * end + GAP + sum(height_of(lines) + GAP for lines in boxes) + piles + 0.1
    figure, axis = canvas(FIGURE_WIDTH if costs else LEFT + WIDTH + 0.2, height, title)
    _draw_heads(axis, chain, costs)
    centre = LEFT + WIDTH / 2
    bottom = box(axis, centre - 0.9, HEAD, 1.8, [Line(f"image {words.size(image)}", LEGEND_POINTS)], "white")
    for stage, lines in zip(chain, boxes, strict=True):
        top = bottom + GAP
        arrow(axis, (centre, bottom), (centre, top))
        bottom = box(axis, LEFT, top, WIDTH, lines, stage.colour, copies=len(stage.modules))
        if costs:
            _draw_bars(axis, stage, chain, top + height_of(lines) / 2)
        if stage is not chain[-1]:
            note(axis, centre + 0.12, bottom + GAP / 2, words.size(stage.output_shape))
    arrow(axis, (centre, bottom), (centre, bottom + GAP))
    last = words.size(chain[-1].output_shape)
    box(axis, centre - 0.9, bottom + GAP, 1.8, [Line(f"embedding {last}", LEGEND_POINTS)], "white")
    return figure


def _draw_heads(axis: Axes, chain: Sequence[Stage], costs: bool) -> None:
    totals = {"parameters": _total(chain, "parameters"), "multiply-adds": _total(chain, "macs")}
    look = {"fontsize": LEGEND_POINTS, "color": "black"}
    note(axis, LEFT + WIDTH / 2, 0.12, "stages", side="center", fontweight="bold", **look)
    has_tokens = any(len(stage.output_shape) == 2 for stage in chain)
    shapes = "channels × height × width" + (", then tokens × width" if has_tokens else "")
    note(axis, LEFT + WIDTH / 2, 0.3, f"beside the arrows: {shapes}", side="center")
    for head, left in BARS.items() if costs else ():
        note(axis, left, 0.12, head, fontweight="bold", **look)
        note(axis, left, 0.3, f"share of {words.short(totals[head])}")


def _draw_bars(axis: Axes, stage: Stage, chain: Sequence[Stage], y: float) -> None:
    longest = max(share for each in chain for share in _shares(each, chain))
    for share, left, tint in zip(_shares(stage, chain), BARS.values(), COLOURS, strict=False):
        length = LONGEST * share / longest
        axis.add_patch(Rectangle((left, y - 0.085), length, 0.17, facecolor=tint, edgecolor="none"))
        note(axis, left + length + 0.07, y, _per_cent(share))


def _shares(stage: Stage, chain: Sequence[Stage]) -> tuple[float, float]:
    """Of the network's parameters and of its multiply-adds."""
    return stage.parameters / _total(chain, "parameters"), stage.macs / _total(chain, "macs")


def _total(chain: Sequence[Stage], of: str) -> int:
    return max(1, sum(getattr(stage, of) for stage in chain))


def _per_cent(share: float) -> str:
    """Whole per cents; what is none, and what is less than half of one, is said so."""
    if share == 0:
        return "none"
    return f"{share:.0%}".replace("%", " %") if share >= 0.005 else "< 1 %"


def _words(stage: Stage) -> str:
    n = len(stage.modules)
    strides = [f"stride {stage.stride}{', then 1' if n > 1 else ''}"] if stage.stride > 1 else []
    return ", ".join([f"{n} × {stage.label}" if n > 1 else stage.label, *strides, *stage.then])


def _alt(chain: Sequence[Stage], image: tuple[int, ...], costs: bool) -> str:
    said = []
    for stage in chain:
        parameters, macs = (_per_cent(share) for share in _shares(stage, chain))
        shape = words.size(stage.output_shape)
        shares = f" ({parameters} of the parameters, {macs} of the multiply-adds)" if costs else ""
        said.append(f"{_words(stage)}, to {shape}{shares}")
    return f"Block diagram from top to bottom. Image {words.size(image)}; {'; '.join(said)}. That is the embedding."
