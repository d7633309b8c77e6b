"""Image files without their EXIF, for decoders that refuse a whole picture because of it."""

from __future__ import annotations

import re

_PNG_TEXTS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # what PNG may hold of EXIF; pixels need none of it


def without_exif(content: bytes, kind: str) -> bytes:
    """The bytes of a PNG or AVIF file without EXIF; those of other kinds as they are, since damage there is no matter.

    Pillow refuses a PNG for a wrong checksum anywhere, and libavif an AVIF for EXIF that it does not understand.
    """
    if kind == "AVIF":  # an item of an unknown kind is passed over
        return re.sub(rb"(infe\x02.{7})Exif", rb"\1none", content, flags=re.DOTALL)
    return _without_chunks(content) if kind == "PNG" else content


def _without_chunks(png: bytes) -> bytes:
    """Each chunk is its length, its name, its data and a checksum."""
    kept, at = [png[:8]], 8
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] not in _PNG_TEXTS:
            kept.append(png[at:end])
        at = end
    return b"".join(kept)
