"""Every diagram can be read: texts lie in their boxes or beside them, and no line runs through a box or a text."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from torch import nn

from course_lib import backbones, viz
from course_lib.backbones import LocallyConnected2d
from course_lib.viz import Diagram

pytestmark = pytest.mark.slow
LONG = "A title that states its finding at such length that no figure of this course can hold it in one line of text"


def on_meta(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return backbones.create(name, **options)


def blocks(**named: tuple[nn.Module, tuple[int, ...]]) -> Diagram:
    return viz.block_diagram({name.replace("_", " "): block for name, block in named.items()}, title=LONG)


def mobile() -> Diagram:
    v1, v2 = on_meta("mobilenet_v1"), on_meta("mobilenet_v2_face")
    unit = on_meta("shufflenet").body[4]
    return blocks(V1=(v1.body[3], (128, 56, 56)), unit=(unit, (240, 28, 28)), V2=(v2.body[2], (24, 56, 56)))


def inception_resnet() -> Diagram:
    return blocks(block_17=(on_meta("inception_resnet_v1").blocks_17[0], (896, 8, 8)))


def inception_e() -> Diagram:
    """Branches that divide again."""
    return blocks(block_E=(on_meta("inception_v3").inception.Mixed_7c, (2048, 8, 8)))


def squeeze_and_excitation() -> Diagram:
    unit = on_meta("se_lresnet100e_ir").stages[3][0]
    return blocks(unit=(unit, (256, 14, 14)), squeeze_and_excitation=(unit.residual[6], (512, 7, 7)))


def transformer() -> Diagram:
    block = on_meta("vit_tiny").blocks[0]
    return blocks(block=(block, (196, 192)), attention=(block.attention, (196, 192)))


def pipeline() -> Diagram:
    steps = {"detector": "box and five points", "alignment": "a crop of 112×112 pixels", "network": "256 numbers"}
    joined = {"cosine": "one score from -1 to 1", "threshold": "accepted or not"}
    return viz.pipeline_diagram(["photograph A", "photograph B"], steps, joined, decision="one person", title=LONG)


def sharing() -> Diagram:
    layers = {"one kernel": nn.Conv2d(3, 4, 5, 2), "own kernels": LocallyConnected2d(3, 4, 5, (21, 19), stride=2)}
    return viz.sharing_diagram(layers, (3, 21, 19), title=LONG)


OTHERS = {
    draw.__name__: draw
    for draw in (mobile, inception_resnet, inception_e, squeeze_and_excitation, transformer, pipeline, sharing)
}


@pytest.fixture(scope="module", params=[*backbones.available(), *OTHERS])
def figure(request: pytest.FixtureRequest) -> Figure:
    name = request.param
    diagram = OTHERS[name]() if name in OTHERS else viz.network_diagram(name, title=LONG)
    assert len(diagram.alt.split()) > 10
    diagram.figure.set_dpi(90)
    diagram.figure.draw_without_rendering()
    return diagram.figure


def shrunk(box: Bbox, by: float = 1) -> Bbox:
    """A pixel less on each side: where boxes merely touch, letters do not."""
    return Bbox.from_extents(box.x0 + by, box.y0 + by, box.x1 - by, box.y1 - by)


def texts(figure: Figure) -> dict[str, Bbox]:
    """The extent of every text, in pixels; the number keeps equal ones apart."""
    artists = [text for axis in figure.axes for text in axis.texts if text.get_text()] + figure.texts
    return {f"{number}: {text.get_text()}": shrunk(text.get_window_extent()) for number, text in enumerate(artists)}


def boxes(figure: Figure) -> list[Bbox]:
    """In the order in which they were drawn."""
    return [patch.get_window_extent() for axis in figure.axes for patch in axis.patches if type(patch) is not Patch]


def segments(figure: Figure) -> list[Bbox]:
    """Every straight piece of a line or an arrow."""
    found = []
    for axis in figure.axes:
        paths = [line.get_xydata() for line in axis.lines]
        paths += [np.array([text.xyann, text.xy]) for text in axis.texts if isinstance(text, Annotation)]
        for path in map(axis.transData.transform, paths):
            for (x0, y0), (x1, y1) in zip(path[:-1], path[1:], strict=True):
                assert min(abs(x0 - x1), abs(y0 - y1)) < 0.01  # straight down or across
                found.append(Bbox.from_extents(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    return found


def meet(one: Bbox, other: Bbox) -> bool:
    """Whether two boxes overlap, of which one may have no width or no height."""
    return one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1


def test_texts_lie_in_the_figure_and_apart(figure: Figure) -> None:
    found = texts(figure)
    for text, box in found.items():
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (one, box), (other, other_box) in combinations(found.items(), 2):
        assert not meet(box, other_box), f"{one!r} and {other!r} overlap"


def test_each_text_is_inside_one_box_or_outside_all(figure: Figure) -> None:
    drawn = boxes(figure)
    for text, extent in texts(figure).items():
        x, y = (extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2
        around = [box for box in drawn if box.contains(x, y)]
        if around:
            own = around[-1]
            assert own.x0 < extent.x0 and extent.x1 < own.x1 and own.y0 < extent.y0 and extent.y1 < own.y1, text
        else:
            assert not any(meet(extent, box) for box in drawn), text


def test_no_line_runs_through_a_box_or_a_text(figure: Figure) -> None:
    for segment in segments(figure):
        crossed = [box for box in boxes(figure) if meet(segment, shrunk(box))]
        assert not crossed, (segment, crossed)
        assert not [text for text, extent in texts(figure).items() if meet(segment, extent)], segment


def test_boxes_lie_apart(figure: Figure) -> None:
    """But for piles and for the cells of a map, which touch."""
    for one, other in combinations(boxes(figure), 2):
        is_pile = abs(one.width - other.width) < 0.1 and abs(one.x0 - other.x0) < 8 and abs(one.y0 - other.y0) < 8
        assert is_pile or not meet(shrunk(one), shrunk(other)), (one, other)


def test_text_is_large_enough_to_read(figure: Figure) -> None:
    sizes = [text.get_fontsize() for axis in figure.axes for text in axis.texts if text.get_text()]
    assert min(sizes) >= 8


def test_the_picture_is_small(figure: Figure) -> None:
    assert len(viz.png(figure, dpi=90)) < 45_000
