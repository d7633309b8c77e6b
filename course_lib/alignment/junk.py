"""What systems and programs leave in folders of photographs beside the photographs."""

from __future__ import annotations

_FOLDERS = "__macosx @eadir @__thumb .ipynb_checkpoints __pycache__ .appledouble .trashes .thumbnails $recycle.bin"
_FILES = ".ds_store thumbs.db ehthumbs.db desktop.ini .picasa.ini picasa.ini zbthumbnail.info .localized"
JUNK = frozenset(f"{_FOLDERS} {_FILES}".split()) | {"icon\r", "system volume information"}


def is_junk(name: str) -> bool:
    """Whether a file or folder of this name is nobody's photograph and nobody's folder, wherever it lies.

    Example:
        >>> is_junk("__MACOSX"), is_junk("._portrait.jpg"), is_junk("portrait.jpg")
        (True, True, False)
    """
    return name.lower() in JUNK or name.startswith("._")  # ._x.jpg: what macOS keeps about x.jpg on other disks
