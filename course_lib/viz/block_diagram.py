"""The inside of blocks side by side: their layers, what runs past them, and what each holds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from matplotlib.axes import Axes
from torch import nn

from course_lib.viz import _checks
from course_lib.viz import diagram_words as words
from course_lib.viz.diagram_canvas import Diagram, Line, arrow, box, canvas, circle, height_of, note, text_lines
from course_lib.viz.diagram_graph import Inside, Part, inside
from course_lib.viz.diagram_lanes import lanes, ranks
from course_lib.viz.layout import LEGEND_POINTS

BOX_WIDTH, SKIP_WIDTH, BETWEEN = 2.05, 0.3, 0.22  # inches
GAP, SIGN = 0.36, 0.26
HEAD = 0.72  # above each block
MARGIN = 0.2
NARROWEST = 5.0  # figure, so that its title has room


def block_diagram(blocks: Mapping[str, tuple[nn.Module, tuple[int, ...]]], *, title: str) -> Diagram:
    """What blocks consist of, one beside the other, from the input on top to the output: ``{heading: (block, shape)}``.

    The layers, their order, shortcuts and branches are those that the block runs on an input (N, *shape):
    ``viz.show(*viz.block_diagram({"the first": (network.body[0], (64, 56, 56))}, title="..."))``. A block of one's own
    is drawn as well.

    Returns the figure and its alt text. Raises TypeError for what is no module, ValueError for a shape that a block
    does not take, or nothing.
    """
    _checks.not_empty("blocks", blocks)
    insides = {heading: inside(block, shape) for heading, (block, shape) in blocks.items()}
    plans = [_Plan(each.parts) for each in insides.values()]
    width = max(NARROWEST, sum(plan.width for plan in plans) + BETWEEN * (len(plans) - 1) + 2 * MARGIN)
    figure, axis = canvas(width, max(plan.height for plan in plans) + 0.1, title)
    left = space = (width - sum(plan.width for plan in plans)) / (len(plans) + 1)
    for (heading, each), plan in zip(insides.items(), plans, strict=True):
        _draw_head(axis, left + plan.width / 2, heading, each)
        _draw(axis, plan, left)
        left += plan.width + space
    return Diagram(figure, " ".join(_alt(heading, each) for heading, each in insides.items()))


class _Plan:
    """Where everything of one block stands, in inches: x from its own left edge, y from the upper edge of all."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self.columns, self.skips = lanes(parts)
        self.lines = {part: _lines(part) for part in parts}
        with_boxes = set(self.columns.values())
        n_columns = 1 + max([*with_boxes, *self.skips.values()])
        widths = [BOX_WIDTH if column in with_boxes else SKIP_WIDTH for column in range(n_columns)]
        edges = list(accumulate((width + BETWEEN for width in widths), initial=0.0))
        self.centres = [left + width / 2 for left, width in zip(edges, widths, strict=False)]
        self.width = edges[-1] - BETWEEN
        rows = ranks(parts)
        heights = [max(_height(part) for part in parts if rows[part] == row) for row in range(max(rows.values()) + 1)]
        tops = list(accumulate((height + GAP for height in heights), initial=HEAD))
        self.top = {part: tops[row] + (heights[row] - _height(part)) / 2 * part.is_sign for part, row in rows.items()}
        self.height = tops[-1] + height_of([Line("", LEGEND_POINTS)])

    def x(self, part: Part) -> float:
        return self.centres[self.columns[part]]

    def bottom(self, part: Part) -> float:
        return self.top[part] + _height(part)


def _draw(axis: Axes, plan: _Plan, left: float) -> None:
    for part in plan.parts:
        x, top = left + plan.x(part), plan.top[part]
        if part.is_sign:
            circle(axis, x, top + SIGN / 2, SIGN, part.name)
        else:
            box(axis, x - BOX_WIDTH / 2, top, BOX_WIDTH, plan.lines[part], part.colour)
        if part not in (plan.parts[0], plan.parts[-1]) and part.shape != _shape_before(part):
            note(axis, x - 0.08, plan.bottom(part) + GAP / 2, words.size(part.shape), side="right")
        for source in part.sources:
            _connect(axis, plan, left, source, part)
    end = plan.parts[-1]
    x, bottom = left + plan.x(end), plan.bottom(end)
    arrow(axis, (x, bottom), (x, bottom + GAP))
    lines = [Line(f"output {words.size(end.shape)}", LEGEND_POINTS)]
    box(axis, x - BOX_WIDTH / 2, bottom + GAP, BOX_WIDTH, lines, "white")


def _connect(axis: Axes, plan: _Plan, left: float, source: Part, part: Part) -> None:
    """An arrow from one part to the next: straight down, or aside into the free column and back."""
    start, goal = left + plan.x(source), left + plan.x(part)
    columns = plan.columns[source], plan.columns[part]
    aside = left + plan.centres[plan.skips.get((source, part), max(columns))]
    points = [(start, plan.bottom(source))]
    if aside != start:
        y = plan.bottom(source) + 0.3 * GAP
        points += [(start, y), (aside, y)]
    if aside != goal:
        middle = plan.top[part] + _height(part) / 2
        side = 1 if aside > goal else -1
        points += [(aside, middle), (goal + side * (SIGN if part.is_sign else BOX_WIDTH) / 2, middle)]
    else:
        points.append((goal, plan.top[part]))
    arrow(axis, *points)


def _draw_head(axis: Axes, x: float, heading: str, each: Inside) -> None:
    look = {"fontsize": LEGEND_POINTS, "fontweight": "bold", "color": "black"}
    note(axis, x, 0.15, heading, side="center", **look)
    note(axis, x, 0.33, f"{words.short(each.parameters)} parameters", side="center")
    note(axis, x, 0.49, f"{words.short(each.macs)} multiply-adds", side="center")


def _lines(part: Part) -> list[Line]:
    if not part.sources:
        return [Line(f"input {words.size(part.shape)}", LEGEND_POINTS)]
    strides = [f"stride {part.stride}"] if part.stride > 1 else []
    notes = [", ".join([*strides, *part.notes])] if strides or part.notes else []
    notes += [f"{part.parameters:,} parameters"] if part.parameters else []
    return text_lines(part.name, notes, BOX_WIDTH - 0.1)


def _height(part: Part) -> float:
    return SIGN if part.is_sign else height_of(_lines(part))


def _shape_before(part: Part) -> tuple[int, ...]:
    """What a part without layers leaves as it was; a layer's output is always written."""
    return () if part.is_layer or len(part.sources) != 1 and not part.is_sign else part.shape


def _alt(heading: str, each: Inside) -> str:
    said = []
    for before, part in zip(each.parts[:-1], each.parts[1:], strict=True):
        name = {"+": "sum", "×": "product"}.get(part.name, part.name)
        strides = [f"stride {part.stride}"] if part.stride > 1 else []
        known = [name, *strides, *part.notes, f"to {words.size(part.shape)}"]
        takes = [{"+": "the sum", "×": "the product"}.get(source.name, source.name) for source in part.sources]
        origin = "" if part.sources == [before] else f" of {' and '.join(takes)}"
        said.append(f"{known[0]}{origin}, {', '.join(known[1:])}")
    costs = f"{words.short(each.parameters)} parameters, {words.short(each.macs)} multiply-adds"
    return f"{heading}: input {words.size(each.parts[0].shape)}; {'; '.join(said)}. In all {costs}."
