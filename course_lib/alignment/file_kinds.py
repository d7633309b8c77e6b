"""What a file is, told from its first bytes: its name may say anything."""

from __future__ import annotations

import re

from course_lib.stand_ins import STAND_INS

IMAGE_SUFFIXES = frozenset(
    ".avif .bmp .gif .heic .heif .hif .jfif .jpe .jpeg .jpg .mpo .pgm .png .ppm .tif .tiff .webp".split()
)
_READABLE = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG",
    "WebP": rb"RIFF....WEBP",
    "TIFF": rb"(II[*+]\0|MM\0[*+])(?!....CR)",  # CR: a raw file of Canon's
    "BMP": rb"BM",
    "GIF": rb"GIF8",
    "PPM": rb"P[1-6]\s",
    "AVIF": rb"....ftypavi[fs]|....ftypm[is]f1.{4,60}avi[fs]",
    "HEIC": rb"....ftyp(he[iv][cxms]|m[is]f1)",
}
READABLE = {kind: re.compile(start, re.DOTALL) for kind, start in _READABLE.items()}
READ = ", ".join(READABLE)
_EXPORT = "export it as PNG or JPEG"
# What is no photograph here, although it is often whole: what it is, and what to do.
_OTHERS = (
    (rb"\s*%!PS|\xc5\xd0\xd3\xc6", "a PostScript program, and programs are not run", _EXPORT),
    (rb"\s*%PDF", "a PDF document", _EXPORT),
    (rb"(?i:\s*(<\?xml.*)?<svg)", "an SVG drawing", _EXPORT),
    (rb"8BPS", "a Photoshop document", _EXPORT),
    (rb"....(jP  |jP2 )|\xff\x4f\xff\x51", "a JPEG 2000 image", _EXPORT),
    (rb"\xff\x0a|....JXL ", "a JPEG XL image", _EXPORT),
    (rb"....ftypcrx|FUJIFILMCCD|II\*\0....CR|IIU\0|IIRO", "a camera's raw file", _EXPORT),
    (rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ", "a video", "export a frame of it as PNG or JPEG"),
    (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "a Windows metafile", _EXPORT),
    (rb"\0\0\x01\0|icns", "an icon", _EXPORT),
    (rb".{128}DICM", "a DICOM file", _EXPORT),
    (rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b", "an archive", "unpack it first"),
    *STAND_INS,
)


_OTHER_STARTS = tuple((re.compile(start, re.DOTALL), kind, remedy) for start, kind, remedy in _OTHERS)


def readable_kind(head: bytes) -> str | None:
    """The format that the first bytes of a file promise, of those that are read here."""
    return next((kind for kind, start in READABLE.items() if start.match(head)), None)


def other_kind(head: bytes) -> tuple[str, str] | None:
    """What a file is that is not read here, by its first bytes, and what to do; None where nobody knows."""
    return next(((kind, remedy) for start, kind, remedy in _OTHER_STARTS if start.match(head)), None)
