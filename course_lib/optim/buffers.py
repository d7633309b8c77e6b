"""A batch is recorded once: what SAM's second pass must leave as the first pass left it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

# The module that owns the buffer, the buffer's name in it, the buffer, and a copy of its value.
Copy = tuple[nn.Module, str, Tensor, Tensor]


@contextmanager
def hold_buffers(*modules: nn.Module) -> Iterator[None]:
    """Within it the modules run as ever; at its end all their buffers are what they were at its start.

    A buffer is a record of the batches that were seen: the running statistics of batch norm (``SyncBatchNorm``
    included) and their count, the centers of center loss, a counter of batches. SAM sees each batch twice, the second
    time through weights that nobody will use, and that pass must not be recorded.

    The values are put back, rather than the recording switched off. Batch norm's ``momentum = 0`` would still count
    the batch, which spoils the cumulative average of ``momentum=None``, would make a compiled network compile again,
    and would leave out every other kind of record. ``eval()`` would normalise by the running statistics: another
    function, with another gradient.

    A buffer that was replaced by another tensor is put back too, and so it is when an exception ends the block.
    """
    copies = copy_buffers(*modules)
    try:
        yield
    finally:
        put_back(copies)


def copy_buffers(*modules: nn.Module) -> list[Copy]:
    """All buffers of the modules, with copies of their values."""
    return [
        (owner, name, buffer, buffer.clone())
        for module in modules
        for owner in module.modules()
        for name, buffer in owner._buffers.items()
        if buffer is not None
    ]


@torch.no_grad()
def put_back(copies: list[Copy]) -> None:
    """Give every buffer the value that was copied."""
    if not copies:
        return
    _, _, buffers, values = zip(*copies, strict=True)
    torch._foreach_copy_(buffers, values)
    for owner, name, buffer, _ in copies:
        owner._buffers[name] = buffer
