"""Which kernel stands at which position: one for a convolution, one for each in a locally connected layer."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from torch import nn

from course_lib import viz
from course_lib.backbones import LocallyConnected2d

LAYERS = {"one": nn.Conv2d(2, 3, 3), "own": LocallyConnected2d(2, 3, 3, (4, 5))}


def kernels(figure: Figure) -> list[str]:
    (axis,) = figure.axes
    return [text.get_text() for text in axis.texts if text.get_text().startswith("$w")]


def test_a_convolution_has_one_kernel_and_a_locally_connected_layer_one_a_position() -> None:
    diagram = viz.sharing_diagram(LAYERS, (2, 4, 5), title="T")  # puts out 2x3 positions
    assert kernels(diagram.figure) == ["$w_{1}$"] * 6 + [f"$w_{{{number}}}$" for number in range(1, 7)]
    assert "6 positions in 2 rows, 1 kernel, 57 parameters" in diagram.alt
    assert "6 positions in 2 rows, 6 kernels, 342 parameters" in diagram.alt


@pytest.mark.parametrize(
    ("layers", "shape", "error", "words"),
    [
        ({}, (2, 4, 5), ValueError, "layers: there is nothing to draw"),
        ({"a": nn.Linear(2, 2)}, (2, 4, 5), TypeError, r"layers\['a'\] is Linear; expected nn.Conv2d or Locally"),
        ({"a": nn.Conv2d(2, 3, 3)}, (2, 12, 5), ValueError, r"layers\['a'\] puts out 10x3 positions; expected at most"),
        ({"a": nn.Conv2d(3, 3, 3)}, (2, 4, 5), ValueError, r"does not run on inputs \(N, 2, 4, 5\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(layers: dict, shape: tuple, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        viz.sharing_diagram(layers, shape, title="T")
