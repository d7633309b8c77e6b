from __future__ import annotations

import io

import pytest
from PIL import Image

from course_lib.alignment.file_kinds import IMAGE_SUFFIXES, READABLE, other_kind, readable_kind


def written(form: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), 90).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("kind", [kind for kind in READABLE if kind not in ("AVIF", "HEIC")])
def test_what_pillow_writes_is_known(kind: str) -> None:
    assert readable_kind(written(kind.upper())) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf", "AVIF"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0avifmif1miaf", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc", "HEIC"),
        (b"II*\0\x10\0\0\0CR\x02\0", None),
        (b"", None),
    ],
)
def test_containers_are_told_apart_by_their_brand(head: bytes, kind: str | None) -> None:
    assert readable_kind(head) == kind


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (written("EPS"), "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(26), "PostScript"),
        (written("PDF"), "PDF"),
        (written("ICO"), "icon"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"\n<!DOCTYPE html><p>Quota exceeded", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "Git LFS"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x1cftypisom\0\0\0\0isom", "video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "raw"),
        (b"II*\0\x10\0\0\0CR\x02\0", "raw"),
        (b"PK\x03\x04\x14\0", "archive"),
        (bytes(512), "zeros"),
    ],
)
def test_what_is_no_photograph_is_named(head: bytes, what: str) -> None:
    assert readable_kind(head) is None
    kind, remedy = other_kind(head) or ("", "")
    assert what in kind and remedy


def test_nobody_knows_everything() -> None:
    assert other_kind(b"Dear learner,") is None and other_kind(b"") is None


def test_suffixes_are_small_letters() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)
    assert {".jpg", ".jfif", ".gif", ".avif", ".heic", ".pgm"} <= IMAGE_SUFFIXES
