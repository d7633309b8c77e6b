"""Where the parts of a block stand: rows from input to output, columns for the ways beside the longest one."""

from __future__ import annotations

from course_lib.viz.diagram_graph import Part

Way = list[Part]


def ranks(parts: list[Part]) -> dict[Part, int]:
    """How many steps the longest way from the input to each part takes."""
    found: dict[Part, int] = {}
    for part in parts:
        found[part] = max((found[source] + 1 for source in part.sources), default=0)
    return found


def lanes(parts: list[Part]) -> tuple[dict[Part, int], dict[tuple[Part, Part], int]]:
    """The column of each part, and of each connection that runs past others: (source, part) -> column.

    The longest way from the input to the output is column 0. A way beside it takes the first column, to the right of
    where it starts and ends, that is free beside all that it runs past; shorter ways come first, and so lie inside.
    """
    depth = ranks(parts)
    trunk = _longest_way(parts, depth)
    column, skips = dict.fromkeys(trunk, 0), {}
    taken: list[tuple[int, int, int]] = []  # column, from and to which row
    ways = _side_ways(parts, trunk)
    while ways:
        hosted = [way for way in ways if way[0] in column and way[-1] in column]
        way = min(hosted, key=lambda way: (depth[way[-1]] - depth[way[0]], -len(way)))
        ways.remove(way)
        first, last = depth[way[0]], depth[way[-1]]
        busy = {lane for lane, start, end in taken if start < last and first < end}
        lane = max(column[way[0]], column[way[-1]]) + 1
        while lane in busy:
            lane += 1
        taken.append((lane, first, last))
        column |= dict.fromkeys(way[1:-1], lane)
        if len(way) == 2:
            skips[way[0], way[1]] = lane
    return column, skips


def _longest_way(parts: list[Part], depth: dict[Part, int]) -> Way:
    way = [parts[-1]]
    while way[0].sources:
        way.insert(0, max(way[0].sources, key=depth.__getitem__))
    return way


def _side_ways(parts: list[Part], trunk: Way) -> list[Way]:
    """Ways beside the longest one: from a part on a way, over parts on none, to a part on a way."""
    along = set(zip(trunk[:-1], trunk[1:], strict=True))
    edges = [(source, part) for part in parts for source in part.sources if (source, part) not in along]
    on_a_way, ways = set(trunk), []
    while edges:
        way = list(next(edge for edge in edges if edge[0] in on_a_way))
        edges.remove(tuple(way))
        while way[-1] not in on_a_way:
            following = next(edge for edge in edges if edge[0] is way[-1])
            edges.remove(following)
            way.append(following[1])
        on_a_way |= set(way)
        ways.append(way)
    return ways
