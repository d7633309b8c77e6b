from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.growing import GrowingImages


@given(st.integers(1, 70), st.integers(0, 50))
def test_all_that_came_come_back_in_their_order(count: int, spare: int) -> None:
    expected = torch.arange(count, dtype=torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 3, 2, 2).contiguous()
    images = GrowingImages(count + spare)
    for number, image in enumerate(expected):
        assert len(images) == number
        images.append(image)
    assert torch.equal(images.tensor(), expected)


def test_no_memory_is_taken_before_an_image_has_come() -> None:
    images = GrowingImages(10**15)
    with pytest.raises(ValueError, match="no image has come"):
        images.tensor()
    images.append(torch.zeros(3, 2, 2, dtype=torch.uint8))
    assert images.tensor().shape == (1, 3, 2, 2)
