"""Widgets: sliders and uploads around one figure function. Where no widget can run they are a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from PIL import Image

from course_lib.alignment.photograph import decoded
from course_lib.viz.show import png

if TYPE_CHECKING:
    from course_lib.viz.still import Still


def slider(
    render: Callable[[Any], Figure], values: Sequence[Any], *, label: str, start: Any = None, alt: str = ""
) -> Still:
    """A slider over ``values`` above the figure ``render(value)``; each is drawn once, when it is first asked for.

    ``start`` is the value shown first, by default the first of them; ``alt`` is what its figure shows, in words, by
    default its title and the value. Raises ValueError for fewer than two values, or a start that is none of them.
    """
    return sliders(render, {label: values}, start=None if start is None else {label: start}, alt=alt)


def sliders(
    render: Callable[..., Figure],
    values: Mapping[str, Sequence[Any]],
    *,
    start: Mapping[str, Any] | None = None,
    alt: str = "",
) -> Still:
    """One slider for each argument of ``render``, in their order, above the figure it returns.

    The stored notebook keeps the figure of the start beside the widget: a picture that readers without a kernel see.

    Args:
        render: called with the value of each slider; what it drew is kept for the latest hundred.
        values: what each slider goes through, by its label.
        start: the value shown first, by label; by default the first.
        alt: what the figure of the start shows, in words; by default its title and the values.

    Raises:
        ValueError: fewer than two values, or a start that is none of them.
    """
    import ipywidgets

    from course_lib.viz.still import Still

    start = dict(start or {})
    for label, choices in values.items():
        if len(choices) < 2:
            raise ValueError(f"values of {label} has {len(choices)} entries; expected at least two to slide between")
        if start.setdefault(label, choices[0]) not in choices:
            options = ", ".join(map(str, choices))
            raise ValueError(f"start is {start[label]!r} for {label}; expected one of the values: {options}")
    titles: dict[tuple[Any, ...], str] = {}

    @lru_cache(maxsize=100)
    def draw(*chosen: Any) -> bytes:
        figure = render(*chosen)
        titles[chosen] = figure.get_suptitle()
        return png(figure, dpi=90)

    handles = [
        ipywidgets.SelectionSlider(
            options=[(str(value), value) for value in choices],
            value=start[label],
            description=label,
            continuous_update=False,
            style={"description_width": "initial"},
            layout={"width": "480px"},
        )
        for label, choices in values.items()
    ]
    picture = ipywidgets.Image(value=draw(*(handle.value for handle in handles)), format="png")
    picture.layout.max_width = "100%"

    def update(change: dict[str, Any]) -> None:
        picture.value = draw(*(handle.value for handle in handles))

    for handle in handles:
        handle.observe(update, names="value")
    places = ", ".join(f"{label} {start[label]}" for label in values)
    title = " ".join(titles[tuple(start[label] for label in values)].split())
    # A box stretches what it holds; at its own size the picture stays sharp.
    return Still([*handles, picture], alt=alt or f"{title} ({places})".strip(), layout={"align_items": "flex-start"})


def upload(render: Callable[..., Figure], *, n: int, start: Sequence[Any], alt: str) -> Still:
    """A button that takes ``n`` photographs from the browser, above the figure ``render(*photographs)`` of them.

    They reach this kernel as PIL images, and are written nowhere. What cannot be used, a file that is no photograph or
    one for which ``render`` raises ``ValueError``, is said below the button, and the figure stays.

    Args:
        render: called with ``n`` photographs.
        start: what is shown first, ``n`` arguments of ``render``.
        alt: what that figure shows, in words.

    Raises ValueError unless ``start`` are ``n``.

    >>> viz.upload(compared, n=2, start=[one, other], alt="Two faces and their score.")  # doctest: +SKIP
    """
    import ipywidgets

    from course_lib.viz.still import Still

    if len(start) != n:
        raise ValueError(f"start has {len(start)} entries; expected {n}, what the figure shows first")
    chosen = ipywidgets.FileUpload(
        accept="image/*", multiple=True, description=f"choose {n} photographs", layout={"width": "200px"}
    )
    said = ipywidgets.HTML()
    picture = ipywidgets.Image(value=png(render(*start), dpi=90), format="png")
    picture.layout.max_width = "100%"

    def update(change: dict[str, Any]) -> None:
        try:
            picture.value = png(render(*_opened(change["new"], n)), dpi=90)
            said.value = ""
        except ValueError as error:
            said.value = escape(str(error))

    chosen.observe(update, names="value")
    return Still([chosen, said, picture], alt=alt, layout={"align_items": "flex-start"})


def _opened(files: Sequence[Mapping[str, Any]], n: int) -> list[Image.Image]:
    """The photographs that ``ipywidgets.FileUpload`` holds; raises ValueError for another number, or no photograph."""
    if len(files) != n:
        raise ValueError(f"{len(files)} chosen; choose {n} at once, with Ctrl or Command held down")
    photographs = []
    for file in files:
        with decoded(bytes(file["content"]), file["name"]) as photograph:
            photographs.append(photograph)
    return photographs
