from __future__ import annotations

import io

import pytest
from PIL import Image

from course_lib.alignment.jpeg_passes import passes

REFINED = b"\xff\xda\0\x08\x01\x01\0\x01\x3f\x00"  # the header of one more pass over grey pixels


def jpeg(**options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((90, 60), 60).convert("RGB").save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"quality": 100}, {"restart_marker_blocks": 1}, {"icc_profile": b"\xff\xda" * 99}]
)
def test_a_plain_picture_has_one(options: dict[str, object]) -> None:
    assert passes(jpeg(**options)) == 1


def test_a_progressive_one_has_some() -> None:
    assert passes(jpeg(progressive=True)) == 10


def test_each_one_more_counts_until_the_picture_ends() -> None:
    content = jpeg(progressive=True)
    more = content[:-2] + 500 * (REFINED + b"\0\xff\0\xff\xd0") + content[-2:]
    assert passes(more) == 510 and passes(content + 500 * REFINED) == 10


def test_what_is_cut_off_or_padded_is_counted_as_far_as_it_goes() -> None:
    content = jpeg(progressive=True)
    assert sorted({passes(content[:end]) for end in range(len(content))}) == list(range(11))
    assert passes(b"") == passes(b"\xff\xd8") == 0 and passes(b"\xff\xd8" + b"\xff" * 10**6 + b"\0") == 0
    assert passes(b"\xff\xd8\xff\xff" + REFINED) == 1
