"""A box of widgets that is a picture where no widget can run: on the web, in print, in a book."""

from __future__ import annotations

import base64
from typing import Any

import ipywidgets


class Still(ipywidgets.VBox):
    """Handles above a picture, which is the last child; displayed, the picture and its ``alt`` text go along as PNG.

    A front end with a kernel draws the widget, which stands first among what it can show; all others find the PNG.
    """

    def __init__(self, children: list[ipywidgets.Widget], *, alt: str, **options: Any) -> None:
        super().__init__(children, **options)
        self.alt = alt

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle = super()._repr_mimebundle_(**kwargs)
        handles = ", ".join(handle.description for handle in self.children[:-1] if handle.description)
        bundle["text/plain"] = f"A figure that moves when this cell is run: {handles}"
        bundle["image/png"] = base64.b64encode(self.children[-1].value).decode("ascii")
        return bundle, {"image/png": {"alt": self.alt}}
