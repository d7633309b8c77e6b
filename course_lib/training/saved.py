"""Files of ``torch.save``, read without executing anything and without unpacking anything."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import torch

ARCHIVE = b"PK\x03\x04"  # how a zip begins, and with it all that PyTorch writes since version 1.6


def read_saved(path: Path, *, also_before_archives: bool = False) -> Any:
    """What ``torch.save`` wrote to a file, if that is tensors and plain values only; on the CPU.

    Args:
        path: the file.
        also_before_archives: read what PyTorch wrote before version 1.6, too.

    Raises:
        ValueError: the file is damaged, compressed, or holds more than tensors and plain values (such as code); the
            message says which in a few words, without the file's name and without PyTorch's advice to execute it.
        OSError: the system cannot open it.
    """
    try:
        with open(path, "rb") as file:
            is_archive = file.read(len(ARCHIVE)) == ARCHIVE
        if is_archive or not also_before_archives:
            _check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged records lead PyTorch to nearly any error
        if isinstance(error, OSError) and error.filename:  # of the system, which cannot open it
            raise
        foreign = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it asks for {foreign[1]}" if foreign else str(error).splitlines()[0] if str(error) else "it ends"
        if "weights_only" in reason or "Weights only" in reason:
            reason = "its pickle cannot be read"
        raise ValueError(reason) from error


def _check_archive(path: Path) -> None:
    """Raise ValueError for compressed records: PyTorch writes none, and a small file could fill the memory."""
    with zipfile.ZipFile(path) as archive:
        packed = [record.filename for record in archive.infolist() if record.compress_type != zipfile.ZIP_STORED]
    if packed:
        raise ValueError(f"its record {packed[0]} is compressed")
