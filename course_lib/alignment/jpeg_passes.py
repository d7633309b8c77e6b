"""How often a JPEG goes over its pixels, told without decoding it.

A progressive JPEG is refined pass by pass. A small file may announce any number of passes that change nothing, and each
costs as much time as the picture is large.
"""

from __future__ import annotations

import re

_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # among pixels, FF is followed by 00, or restarts at D0 to D7
_PASS, _END = b"\xda", b"\xd9"


def passes(jpeg: bytes) -> int:
    """The passes of the first picture in the bytes of a file; what follows its end is another picture, or a film."""
    count, at = 0, 2
    while (marker := _MARKER.search(jpeg, at)) and marker[1] != _END:
        count += marker[1] == _PASS
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
    return count
