"""What every runtime gives: the network's call, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor

Forward = Callable[[Tensor], Tensor]
"""Images (N, C, H, W) float32, as ``data.normalise`` makes them -> embeddings (N, D) float32."""

LONGEST = 500  # characters of what a runtime says; a file has a part in its words


class RunError(RuntimeError):
    """A file failed while it ran; the message names the file and says why."""


@contextmanager
def running(name: str) -> Iterator[None]:
    """Around a network's call: whatever its runtime raises becomes a sentence about the file, a ``RunError``.

    ``ValueError`` is the library's own, about the faces or the file, and passes.
    """
    try:
        yield
    except (ValueError, RunError):
        raise
    except Exception as error:  # those of ONNX Runtime have no common base
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RunError(f"{name} failed while it ran: {said[:LONGEST]}") from error


@dataclass(frozen=True)
class Loaded:
    """A network that is ready to run.

    Attributes:
        forward: from images to embeddings.
        input_size: (height, width) in pixels.
        in_channels: 1 for grey or 3 for RGB images.
        batch_size: the only one that the file takes, or None where it takes any.
        peak_activation_bytes: counts the most memory that activations take at once, for one image, weights not
            included; None where the file does not tell.
        arena_bytes: asks a device's own planner for the same; None where there is none, or it cannot tell.
        prepared: for many images, uint8 (N, C, H, W): a faster ``forward`` for these, and how many to give it at a
            time; None where ``forward`` itself is that.
    """

    forward: Forward
    input_size: tuple[int, int]
    in_channels: int
    batch_size: int | None = None
    peak_activation_bytes: Callable[[], int] | None = None
    arena_bytes: Callable[[], int | None] | None = None
    prepared: Callable[[Tensor], tuple[Forward, int]] | None = None
