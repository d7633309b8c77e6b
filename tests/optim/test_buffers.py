from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.optim import hold_buffers


class Records(nn.Module):
    """One buffer is changed in place, one is replaced, one is no part of the state dict, one is None."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("in_place", torch.zeros(2))
        self.register_buffer("replaced", torch.zeros(2, dtype=torch.int64))
        self.register_buffer("hidden", torch.zeros(1), persistent=False)
        self.register_buffer("absent", None)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.in_place += 1
        self.replaced = self.replaced + 1
        self.hidden.fill_(images.mean())
        return images


def state(*modules: nn.Module) -> list[torch.Tensor]:
    return [buffer.clone() for module in modules for buffer in module.buffers()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    "module",
    [
        nn.BatchNorm2d(3),
        nn.BatchNorm2d(3, momentum=None),
        nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.BatchNorm2d(3))),
        Records(),
    ],
    ids=["batch norm", "cumulative batch norm", "nested", "records"],
)
def test_they_move_inside_and_are_put_back(module):
    images = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    module(images)
    before, kept = state(module), list(module.buffers())
    with hold_buffers(module):
        module(2 * images + 1)
        assert not same(state(module), before)
    assert same(state(module), before)
    assert all(one is other for one, other in zip(module.buffers(), kept, strict=True)), "the same tensors, not others"


def test_batch_norm_normalises_inside_as_it_does_outside():
    images = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    norm = nn.BatchNorm2d(3)
    with hold_buffers(norm):
        inside = norm(images)
    assert torch.equal(inside, norm(images)) and not torch.allclose(inside, norm.eval()(images), atol=0.1)


def test_several_modules_and_one_that_is_given_twice():
    images = torch.ones(2, 3, 4, 4)
    one, two = nn.BatchNorm2d(3), Records()
    before = state(one, two)
    with hold_buffers(one, two, one):
        two(one(images))
    assert same(state(one, two), before)


def test_an_exception_puts_them_back_too():
    norm = nn.BatchNorm2d(3)
    before = state(norm)
    with pytest.raises(KeyError), hold_buffers(norm):
        norm(torch.ones(2, 3, 4, 4))
        raise KeyError
    assert same(state(norm), before)


def test_no_module_is_no_rule():
    norm = nn.BatchNorm2d(3)
    with hold_buffers():
        norm(torch.ones(2, 3, 4, 4))
    assert norm.num_batches_tracked == 1
