from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin, features

from course_lib.alignment.exif_removal import without_exif


@pytest.mark.parametrize("form", ["PNG", "AVIF"])
def test_the_picture_stays_and_the_exif_goes(form: str) -> None:
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    exif, texts, file = Image.Exif(), PngImagePlugin.PngInfo(), io.BytesIO()
    exif[0x010F] = "Maker"
    texts.add_text("Software", "a program")
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8))
    image.save(file, form, exif=exif, **({"pnginfo": texts} if form == "PNG" else {}))
    before, after = (Image.open(io.BytesIO(c)) for c in (file.getvalue(), without_exif(file.getvalue(), form)))
    assert before.getexif() and not after.getexif() and "Software" not in after.info
    np.testing.assert_array_equal(np.asarray(before), np.asarray(after))


@given(st.binary(max_size=100), st.sampled_from(["PNG", "AVIF", "JPEG"]))
def test_any_bytes_come_to_an_end(content: bytes, kind: str) -> None:
    assert len(without_exif(content, kind)) <= len(content)
    assert without_exif(content, "JPEG") == content
