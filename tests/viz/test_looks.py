"""Every example looks as it was decided: sizes, places, colours and words of all that it consists of are written down.

Where a figure is meant to look otherwise, `python tests/viz/test_looks.py` writes them anew, and the difference shows
in review what has changed, and in which figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from figure_examples import EXAMPLES
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter

WRITTEN = Path(__file__).with_name("looks.txt")
ASKED = (
    *("xlabel", "ylabel", "xlim", "ylim", "xscale", "yscale", "aspect", "axisbelow", "axison"),  # of axes
    *("label", "text", "zorder", "alpha", "color", "facecolor", "edgecolor", "linestyle", "linewidth", "drawstyle"),
    *("marker", "markersize", "markevery", "markerfacecolor", "markeredgecolor", "markeredgewidth", "sizes"),
    *("fontsize", "horizontalalignment", "verticalalignment", "rotation", "position", "xy", "width", "height"),
    *("fontweight", "xydata", "levels", "offsets", "clim", "extent", "cmap", "ncols", "frame_on", "size_inches"),
)


def value(artist: Artist, name: str) -> object:
    if name == "text" and not isinstance(artist, Text):
        return None
    found = getattr(artist, f"get_{name}", lambda: getattr(artist, f"_{name}", getattr(artist, name, None)))()
    return None if callable(found) else found


def numbers(given: object) -> list[float] | None:
    """All numbers in it, one after the other, if it is made of numbers."""
    if isinstance(given, (list, tuple)):
        parts = [numbers(part) for part in given]
        return None if None in parts else [number for part in parts for number in part]
    try:
        return np.ma.filled(np.ma.asarray(given, float), np.nan).ravel().tolist()
    except (TypeError, ValueError):
        return None


def words(given: object) -> str:
    """Up to eight numbers to four digits, the mean and the spread of more, and all else in its own words."""
    found = None if isinstance(given, (str, bool)) else numbers(given)
    if found is None:
        return str(getattr(given, "name", repr(given)))
    if len(found) <= 8:
        return " ".join(f"{number + 0:.4g}" for number in found)
    return f"{len(found)} numbers of mean {np.nanmean(found):.4g} and spread {np.nanstd(found):.4g}"


def together(values: Sequence[object]) -> str:
    """What several artists have: the different values, or a summary of many."""
    different = list(dict.fromkeys(map(words, values)))
    if len(different) <= 6:
        return " | ".join(different)
    found = None if isinstance(values[0], str) else numbers(list(values))
    return words(found) if found else f"{different[0]} to {different[-1]}, {len(different)} in all"


def parts(figure: Figure) -> Iterator[Artist]:
    yield from (figure, *figure.texts, *figure.legends)
    for legend in figure.legends:
        yield from (*legend.legend_handles, *legend.get_texts(), legend.get_title())
    for axis in figure.axes:
        yield axis
        yield from (axis.title, axis._left_title, *axis.images, *axis.collections, *axis.patches, *axis.lines)
        yield from (*axis.texts, *axis.spines.values(), *axis.xaxis.get_gridlines()[:1])
        yield from (
            around
            for text in axis.texts
            for around in (text.get_bbox_patch(), getattr(text, "arrow_patch", None))
            if around
        )
        for side in (axis.xaxis, axis.yaxis):
            yield from side.get_ticklabels() if isinstance(side.get_major_formatter(), FixedFormatter) else ()


def looks(name: str) -> list[str]:
    """A line for each kind of part and each of its properties."""
    figure, kinds = EXAMPLES[name](), {}
    for part in parts(figure):
        if part.get_visible():
            kinds.setdefault(type(part).__name__, []).append(part)
    lines = [f"layout: {figure.get_layout_engine().get()}"]
    for kind, found in kinds.items():
        lines.append(f"{len(found)} {kind}")
        for asked in ASKED:
            values = [given for part in found if (given := value(part, asked)) is not None]
            lines += [f"  {asked}: {together(values)}"] if values else []
    return [line.replace("\n", r"\n") for line in lines]


def written() -> dict[str, list[str]]:
    sections = WRITTEN.read_text(encoding="utf-8").strip().split("\n\n")
    return {name: lines for name, *lines in (section.split("\n") for section in sections)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_figure_looks_as_it_did(name: str) -> None:
    assert looks(name) == written()[name]


if __name__ == "__main__":
    sections = ["\n".join([name, *looks(name)]) for name in EXAMPLES]
    WRITTEN.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
