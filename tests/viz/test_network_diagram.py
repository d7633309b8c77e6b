"""What the diagram of a network shows: its stages with their shapes, and the shares of their costs as bars."""

from __future__ import annotations

import pytest
from matplotlib.patches import Rectangle
from torch import nn

from course_lib import viz


def network() -> nn.Sequential:
    """600 parameters: 96, none and 504; its convolution does 1,536 of 2,016 multiply-adds."""
    first = nn.Conv2d(3, 8, 2, 2, bias=False)  # 96 weights, at 4x4 positions
    return nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 56))


def drawn() -> viz.Diagram:
    return viz.network_diagram(network(), title="T", input_size=(8, 8))


def test_the_bars_are_as_long_as_the_shares() -> None:
    (axis,) = drawn().figure.axes
    bars = [patch.get_width() for patch in axis.patches if isinstance(patch, Rectangle)]
    parameters, macs = bars[::2], bars[1::2]
    one = 1.5 / (504 / 600)  # inches of a whole: the longest share of both columns is 1.5
    assert parameters == pytest.approx([one * 96 / 600, 0, one * 504 / 600])
    assert macs == pytest.approx([one * 1536 / 1984, 0, one * 448 / 1984])


def test_the_texts_are_the_stages_their_shapes_and_shares() -> None:
    (axis,) = drawn().figure.axes
    texts = [text.get_text() for text in axis.texts if text.get_text()]
    for expected in ("image 3 × 8 × 8", "2×2 convolution, stride 2", "8 × 4 × 4", "8", "16 %", "84 %", "77 %", "none"):
        assert expected in texts
    assert {"share of 600", "share of 1,984", "embedding 56"} < set(texts)


def test_the_alt_text_says_the_same() -> None:
    assert drawn().alt == (
        "Block diagram from top to bottom. Image 3 × 8 × 8; 2×2 convolution, stride 2, to 8 × 4 × 4 (16 % of the "
        "parameters, 77 % of the multiply-adds); global average pooling, to 8 (none of the parameters, none of the "
        "multiply-adds); fully connected, to 56 (84 % of the parameters, 23 % of the multiply-adds). That is the "
        "embedding."
    )


@pytest.mark.slow
def test_equal_blocks_are_counted_and_a_name_is_enough() -> None:
    alt = viz.network_diagram("mobilefacenet", title="T").alt
    assert "; 5 × inverted residual, t = 2, stride 2, then 1, to 64 × 28 × 28 (9 % of the parameters, 40 % of" in alt
    assert "global depthwise convolution, 7×7, to 512 (3 %" in alt and "< 1 %" in alt


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="Sequential has no input_size; give input_size="):
        viz.network_diagram(network(), title="T")
    with pytest.raises(ValueError, match="backbone 'mobilefacenets' is not known"):
        viz.network_diagram("mobilefacenets", title="T")
    with pytest.raises(ValueError, match="does not run on images"):
        viz.network_diagram(network(), title="T", input_size=(8, 8), in_channels=1)
    with pytest.raises(ValueError, match="title is empty"):
        viz.network_diagram(network(), title=" ", input_size=(8, 8))
