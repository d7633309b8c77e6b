"""Where the boxes of one block's diagram stand, and what is written in them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from course_lib.viz import diagram_words as words
from course_lib.viz.diagram_canvas import Line, height_of, text_lines
from course_lib.viz.diagram_graph import Part
from course_lib.viz.diagram_lanes import lanes, ranks
from course_lib.viz.layout import LEGEND_POINTS

BOX_WIDTH, SKIP_WIDTH, BETWEEN = 2.05, 0.3, 0.22  # inches
GAP, SIGN = 0.36, 0.26


class Plan:
    """Places in inches: x from the block's own left edge, y downwards from ``top``.

    Attributes:
        parts: of the block.
        lines: what stands in each box.
        width: of the whole block.
        end: y of the upper edge of the box of the output, below all parts.
    """

    def __init__(self, parts: Sequence[Part], top: float, *, costs: bool) -> None:
        self.parts = parts
        self.lines = {part: _lines(part, costs) for part in parts}
        self._columns, self._skips = lanes(list(parts))
        with_boxes = set(self._columns.values())
        n_columns = 1 + max([*with_boxes, *self._skips.values()])
        widths = [BOX_WIDTH if column in with_boxes else SKIP_WIDTH for column in range(n_columns)]
        edges = list(accumulate((width + BETWEEN for width in widths), initial=0.0))
        self._centres = [left + width / 2 for left, width in zip(edges, widths, strict=False)]
        self.width = edges[-1] - BETWEEN
        self._rows = ranks(list(parts))
        n_rows = 1 + max(self._rows.values())
        heights = [max(self.height(part) for part in parts if self._rows[part] == row) for row in range(n_rows)]
        self._tops = list(accumulate((height + GAP for height in heights), initial=top))
        self.end = self._tops[-1]

    def x(self, part: Part) -> float:
        """The middle of a part, from left to right."""
        return self._centres[self._columns[part]]

    def aside(self, source: Part, part: Part) -> float:
        """Where the connection of two parts runs down."""
        columns = self._columns[source], self._columns[part]
        return self._centres[self._skips.get((source, part), max(columns))]

    def top(self, part: Part) -> float:
        """The upper edge of a part."""
        return self._tops[self._rows[part]]

    def height(self, part: Part) -> float:
        """Of a part's box or circle."""
        return SIGN if part.is_sign else height_of(self.lines[part])

    def bottom(self, part: Part) -> float:
        """The lower edge of a part."""
        return self.top(part) + self.height(part)


def _lines(part: Part, costs: bool) -> list[Line]:
    if not part.sources:
        return [Line(f"input {words.size(part.shape)}", LEGEND_POINTS)]
    notes = [", ".join(part.said)] if part.said else []
    notes += [f"{part.parameters:,} parameters"] if costs and part.parameters else []
    return text_lines(part.name, notes, BOX_WIDTH - 0.1)
