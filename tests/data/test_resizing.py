from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torchvision.transforms.v2.functional import resize as of_torchvision

from course_lib.data.resizing import resize


@pytest.mark.parametrize("shape", [(1, 7, 9), (3, 112, 96), (2, 3, 64, 64)])
@pytest.mark.parametrize("size", [(5, 4), (32, 32), (130, 67)])
def test_is_torchvisions_to_a_grey_level(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    images = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found, expected = resize(images, *size), of_torchvision(images, list(size), antialias=True)
    assert found.dtype == torch.uint8 and found.shape == expected.shape
    # Without AVX2 torchvision goes through floats, and may round the other way.
    assert (found.int() - expected.int()).abs().max() <= 1


def test_an_area_is_averaged_and_the_same_size_is_left_alone() -> None:
    board = torch.tensor([[0, 200], [200, 0]], dtype=torch.uint8).repeat(1, 8, 8)
    assert resize(board, 2, 2).flatten().tolist() == [100] * 4
    assert resize(board, 16, 16) is board


@pytest.mark.slow
def test_data_is_imported_without_pytorchs_compiler() -> None:
    code = "import sys, course_lib.data, course_lib.training, course_lib.viz, course_lib.evaluation, course_lib.weights"
    code += "; print([name for name in ('torchvision', 'torch._dynamo', 'lightning_fabric') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
