"""From photographs to a decision: the steps that each photograph goes through, and those that join two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from matplotlib.axes import Axes

from course_lib.viz import _checks
from course_lib.viz.diagram_canvas import Diagram, Line, arrow, box, canvas, height_of, text_lines
from course_lib.viz.diagram_words import BLOCK, PLAIN
from course_lib.viz.layout import LEGEND_POINTS

FIGURE_WIDTH, MARGIN, ARROW = 9.0, 0.12, 0.26  # inches
BETWEEN = 0.3  # the paths of two photographs


def pipeline_diagram(
    photographs: Sequence[str], steps: Mapping[str, str], joined: Mapping[str, str], *, decision: str, title: str
) -> Diagram:
    """Steps from left to right: each of the photographs takes ``steps`` by itself, what comes out takes ``joined``.

    Args:
        photographs: what each path starts from, such as ``["photograph A", "photograph B"]``.
        steps: ``{step: what it puts out}``, such as ``{"detector": "five points"}``.
        joined: the same for the steps that take what comes from all paths; none for a single path.
        decision: what stands at the end.
        title: what the figure shows.

    Returns the figure and its alt text. Raises ValueError where there are no photographs or steps, or several
    photographs and nothing that joins them.
    """
    needed = {"photographs": photographs, "steps": steps} | ({"joined": joined} if len(photographs) > 1 else {})
    for name, given in needed.items():
        _checks.not_empty(name, given)
    n_boxes = len(steps) + len(joined) + 2
    width = (FIGURE_WIDTH - 2 * MARGIN - (n_boxes - 1) * ARROW) / n_boxes
    lefts = list(accumulate([width + ARROW] * (n_boxes - 1), initial=MARGIN))
    ours = [_lines(step, out, width) for step, out in steps.items()]
    theirs = [_lines(step, out, width) for step, out in joined.items()] + [_lines(decision, "", width)]
    starts = [_lines(name, "", width) for name in photographs]
    high = max(map(height_of, [*ours, *theirs, *starts]))
    figure, axis = canvas(FIGURE_WIDTH, len(photographs) * (high + BETWEEN) - BETWEEN + 0.2, title)
    rows = [0.1 + row * (high + BETWEEN) + high / 2 for row in range(len(photographs))]
    middle = sum(rows) / len(rows)
    for start, row in zip(starts, rows, strict=True):
        _row(axis, lefts, [start, *ours], row, width)
        end, join = lefts[len(steps)] + width, lefts[len(steps) + 1]
        arrow(axis, (end, row), (end + ARROW / 3, row), (end + ARROW / 3, middle), (join, middle))
    _row(axis, lefts[len(steps) + 1 :], theirs, middle, width, decided=True)
    return Diagram(figure, _alt(photographs, steps, joined, decision))


def _row(
    axis: Axes, lefts: Sequence[float], boxes: Sequence[list[Line]], y: float, width: float, decided: bool = False
) -> None:
    """Boxes with their middles at y and arrows between them; what is put in or comes out at last is grey."""
    ends = len(boxes) - 1 if decided else 0
    for place, (left, lines) in enumerate(zip(lefts, boxes, strict=False)):
        box(axis, left, y - height_of(lines) / 2, width, lines, PLAIN if place == ends else BLOCK)
        if place:
            arrow(axis, (left - ARROW, y), (left, y))


def _lines(name: str, out: str, width: float) -> list[Line]:
    lines = text_lines(name, [out] if out else [], width - 0.12)
    return [line._replace(weight="bold") if out and line.points == LEGEND_POINTS else line for line in lines]


def _alt(photographs: Sequence[str], steps: Mapping[str, str], joined: Mapping[str, str], decision: str) -> str:
    each = ", ".join(f"{step} ({out})" for step, out in steps.items())
    both = ", ".join(f"{step} ({out})" for step, out in joined.items())
    if len(photographs) == 1:
        steps_of_one = ", ".join(filter(None, [each, both]))
        return f"Pipeline from left to right. {photographs[0]}: {steps_of_one}; {decision}."
    first = f"Pipeline from left to right. Each by itself, {' and '.join(photographs)}: {each}."
    return f"{first} Together: {both}; {decision}."
