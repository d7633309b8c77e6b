"""How classes look in every figure: a colour that colour-blind readers can tell apart, and a marker, in case they
cannot."""

from __future__ import annotations

# Okabe and Ito's palette ("Color universal design", 2008), without its yellow, which vanishes on white, and with two
# greys.
COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#000000",
    "#8C6D31",
    "#7F7F7F",
    "#9467BD",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def class_style(label: int) -> dict[str, str]:
    """Colour and marker of class ``label``, as keyword arguments for matplotlib; a hundred classes differ in one or
    both."""
    return {"color": COLOURS[label % 10], "marker": MARKERS[(label + label // 10) % 10]}
