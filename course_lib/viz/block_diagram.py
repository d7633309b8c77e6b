"""The inside of blocks side by side: their layers, what runs past them, and what each holds."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from torch import nn

from course_lib.viz import _checks
from course_lib.viz import diagram_words as words
from course_lib.viz.diagram_canvas import Diagram, Line, arrow, box, canvas, circle, height_of, note
from course_lib.viz.diagram_graph import Inside, Part, inside
from course_lib.viz.diagram_plan import BOX_WIDTH, GAP, SIGN, Plan
from course_lib.viz.layout import LEGEND_POINTS

MARGIN = 0.2  # inches
NARROWEST = 5.0  # figure, so that its title has room
SPOKEN = {"+": "sum", "×": "product"}


def block_diagram(
    blocks: Mapping[str, tuple[nn.Module, tuple[int, ...]]],
    *,
    title: str,
    costs: bool = True,
    roles: Mapping[str, str] | None = None,
) -> Diagram:
    """What blocks consist of, one beside the other, from the input on top to the output: ``{heading: (block, shape)}``.

    The layers, their order, shortcuts and branches are those that the block runs on an input (N, *shape):
    ``viz.show(*viz.block_diagram({"the first": (network.body[0], (64, 56, 56))}, title="..."))``. A block of one's own
    is drawn as well. ``costs=False`` leaves parameters and multiply-adds out, for a reader who is to find them.
    ``roles={"join": "the join"}`` says what the text calls the layer at that path in a block.

    Returns the figure and its alt text. Raises TypeError for what is no module, ValueError for a shape that a block
    does not take, a role for a layer that none has, or nothing.
    """
    _checks.not_empty("blocks", blocks)
    insides = {heading: inside(block, shape, roles) for heading, (block, shape) in blocks.items()}
    names = {name for block, _ in blocks.values() for name, _ in block.named_modules()}
    if unknown := sorted(set(roles or {}) - names):
        raise ValueError(f"roles are given for {unknown}; expected paths of layers, such as those of named_modules()")
    plans = [Plan(each.parts, 0.72 if costs else 0.36, costs=costs) for each in insides.values()]
    taken = sum(plan.width for plan in plans)
    width = max(NARROWEST, taken + MARGIN * (len(plans) + 1))
    end = height_of([Line("", LEGEND_POINTS)])
    figure, axis = canvas(width, max(plan.end for plan in plans) + end + 0.1, title)
    left = space = (width - taken) / (len(plans) + 1)
    for (heading, each), plan in zip(insides.items(), plans, strict=True):
        _draw_head(axis, left + plan.width / 2, [heading, *(_costs(each) if costs else ())])
        _draw(axis, plan, left)
        left += plan.width + space
    return Diagram(figure, " ".join(_alt(heading, each, costs) for heading, each in insides.items()))


def _draw(axis: Axes, plan: Plan, left: float) -> None:
    for part in plan.parts:
        x, top = left + plan.x(part), plan.top(part)
        if part.is_sign:
            circle(axis, x, top + SIGN / 2, SIGN, part.name)
        else:
            box(axis, x - BOX_WIDTH / 2, top, BOX_WIDTH, plan.lines[part], part.colour)
        if _has_news(part) and part is not plan.parts[-1]:
            note(axis, x - 0.08, plan.bottom(part) + GAP / 2, words.size(part.shape), side="right")
        for source in part.sources:
            _connect(axis, plan, left, source, part)
    last = plan.parts[-1]
    x = left + plan.x(last)
    arrow(axis, (x, plan.bottom(last)), (x, plan.end))
    box(
        axis, x - BOX_WIDTH / 2, plan.end, BOX_WIDTH, [Line(f"output {words.size(last.shape)}", LEGEND_POINTS)], "white"
    )


def _connect(axis: Axes, plan: Plan, left: float, source: Part, part: Part) -> None:
    """An arrow from one part to the next: straight down, or aside into the free column and back."""
    start, goal, aside = left + plan.x(source), left + plan.x(part), left + plan.aside(source, part)
    points = [(start, plan.bottom(source))]
    if aside != start:
        y = plan.bottom(source) + 0.3 * GAP
        points += [(start, y), (aside, y)]
    if aside != goal:
        middle = (plan.top(part) + plan.bottom(part)) / 2
        points += [(aside, middle), (goal + (SIGN if part.is_sign else BOX_WIDTH) / 2, middle)]
    else:
        points.append((goal, plan.top(part)))
    arrow(axis, *points)


def _draw_head(axis: Axes, x: float, lines: list[str]) -> None:
    look = {"fontsize": LEGEND_POINTS, "fontweight": "bold", "color": "black"}
    for row, line in enumerate(lines):
        note(axis, x, 0.15 + 0.17 * row, line, side="center", **({} if row else look))


def _has_news(part: Part) -> bool:
    """Whether the shape that a part puts out is worth a word: a layer's always, others' where it is a new one."""
    return part.is_layer or any(source.shape != part.shape for source in part.sources[:1]) and not part.is_sign


def _costs(each: Inside) -> list[str]:
    return [f"{words.short(each.parameters)} parameters", f"{words.short(each.macs)} multiply-adds"]


def _alt(heading: str, each: Inside, costs: bool) -> str:
    steps = []
    for before, part in zip(each.parts[:-1], each.parts[1:], strict=True):
        takes = [f"the {SPOKEN[source.name]}" if source.is_sign else source.name for source in part.sources]
        origin = "" if part.sources == [before] else f" of {' and '.join(takes)}"
        name = SPOKEN.get(part.name, part.name)
        steps.append(", ".join([f"{name}{origin}", *part.said, f"to {words.size(part.shape)}"]))
    said = f"{heading}: input {words.size(each.parts[0].shape)}; {'; '.join(steps)}."
    return f"{said} In all {', '.join(_costs(each))}." if costs else said
