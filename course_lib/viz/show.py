"""Putting a figure into a notebook."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from course_lib.alignment.photograph import open_photograph


def png(figure: Figure, *, dpi: int = 72) -> bytes:
    """The figure as a PNG file's bytes, ``dpi`` pixels an inch, in 256 colours: a third of the size, to the eye the
    same."""
    figure.draw_without_rendering()  # around square panels the layout settles at the second drawing
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    palette = open_photograph(buffer.getvalue()).quantize(256)
    file = io.BytesIO()
    palette.save(file, format="png", optimize=True, dpi=(dpi, dpi))
    return file.getvalue()


def show(figure: Figure, alt: str) -> None:
    """Display a figure as PNG in the notebook; ``alt`` says in words what it shows, for those who do not see it.

    Raises ValueError when ``alt`` is empty.
    """
    from IPython.display import Image, display

    if not alt.strip():
        raise ValueError("alt is empty; expected a sentence that says what the figure shows")
    display(Image(png(figure, dpi=90)), metadata={"image/png": {"alt": alt}})
