from __future__ import annotations

import pytest

from course_lib.export.budget import judge, to_bytes


@pytest.mark.parametrize(
    ("size", "expected"),
    [("2MB", 2_000_000), ("512 KiB", 524_288), ("0.5 MiB", 524_288), ("256kB", 256_000), (1234, 1234), ("7 B", 7)],
)
def test_sizes(size, expected):
    assert to_bytes(size) == expected


@pytest.mark.parametrize("size", ["", "2", "MB", "2 megabytes", "-2MB", "2MB or so", -1])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ValueError, match="expected a number of bytes, or one with a unit: B, kB, KB, MB"):
        to_bytes(size)


def test_weights_are_part_of_it_or_not_and_the_reason_says_which():
    yes, no = judge("1MB", 600_000, None), judge("1MB", 600_000, 500_000)
    assert yes and not no
    assert str(yes) == "yes: activations 600,000 bytes, 400,000 less than 1,000,000 (weights not included)"
    assert str(no) == "no: activations 600,000 bytes and file 500,000 make 1,100,000, 100,000 more than 1,000,000"


def test_what_just_fits_fits():
    assert judge(100, 60, 40) and not judge(99, 60, 40)
