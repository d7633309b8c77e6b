"""From images to embeddings with a trained network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data import ImageSet, normalise
from course_lib.progress import Progress
from course_lib.training.inference import batch_size_for, for_inference, has_hooks

MANY = 64  # images: with fewer, making a network faster costs as much as it gains
FEW_AT_A_TIME = 16


@torch.inference_mode()
def embed(
    backbone: nn.Module, images: ImageSet | Tensor, *, batch_size: int | None = None, flip: bool = False
) -> np.ndarray:
    """Embed images in evaluation mode and full precision, on the device the network is on: float32 (N, D).

    Many images are embedded by a faster copy of the network (see ``inference.for_inference``), which gives the same
    numbers to 1e-5 of the largest.

    Args:
        images: an image set or its uint8 (N, C, H, W) tensor.
        batch_size: images at a time; None takes as many as the network's largest activation allows, 8 to 256.
        flip: add the embedding of each mirrored image to it, the usual test-time augmentation.

    The embeddings are not normalised to length one. The network's mode is put back afterwards.

    Raises:
        TypeError: images are no tensor, or not uint8.
        ValueError: an embedding is not finite (the image's index is named), there is no image, images have another
            shape, or ``batch_size`` is below 1.
    """
    pixels = images.images if isinstance(images, ImageSet) else images
    if not isinstance(pixels, Tensor):
        raise TypeError(f"images are a {type(pixels).__name__}; expected an ImageSet or a uint8 tensor (N, C, H, W)")
    if pixels.ndim != 4:
        raise ValueError(f"images have shape {tuple(pixels.shape)}; expected (N, C, H, W). One image is images[None]")
    if len(pixels) == 0:
        raise ValueError("there are no images to embed; expected at least one")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1, or None")
    was_training = backbone.training
    backbone.eval()
    try:
        forward, at_a_time = prepared(backbone, pixels)
        everything = embed_batches(forward, pixels.split(batch_size or at_a_time), flip=flip)
    finally:
        backbone.train(was_training)
    broken = (~everything.isfinite().all(1)).nonzero().flatten()
    if len(broken):
        raise ValueError(
            f"the embedding of image {int(broken[0])} is not finite ({len(broken)} in all); did training diverge?"
        )
    return everything.numpy()


def prepared(backbone: nn.Module, pixels: Tensor) -> tuple[Callable[[Tensor], Tensor], int]:
    """What embeds batches of normalised images (n, C, H, W) fastest, and how many images at a time.

    Args:
        backbone: in evaluation mode; it may be changed only after the embedding.
        pixels: all that will be embedded, uint8 (N, C, H, W).
    """
    device = device_of(backbone)

    def laid_out(floats: Tensor) -> Tensor:
        return floats.to(device, memory_format=torch.channels_last)

    network, at_a_time = backbone, FEW_AT_A_TIME
    if len(pixels) >= MANY and not has_hooks(backbone):
        example = laid_out(normalise(pixels[:2]))
        network = for_inference(backbone, example)
        at_a_time = batch_size_for(network, example)
    return lambda floats: network(laid_out(floats)).float().cpu(), at_a_time


def device_of(network: nn.Module) -> torch.device:
    """Where its first parameter or buffer is; the CPU for a network without any."""
    return next((tensor.device for tensor in (*network.parameters(), *network.buffers())), torch.device("cpu"))


def embed_batches(forward: Callable[[Tensor], Tensor], batches: Sequence[Tensor], *, flip: bool) -> Tensor:
    """Embed batches of uint8 images (n, C, H, W), whatever runs the network: float32 (N, D), on the CPU.

    Args:
        forward: normalised images (n, C, H, W) float -> embeddings (n, D) float.
        flip: add the embedding of each mirrored image.
    """
    rows = []
    with Progress(total=sum(map(len, batches)), desc="embedding", unit="image", leave=False, delay=1) as bar:
        for batch in batches:
            floats = normalise(batch)
            embeddings = forward(floats)
            if flip:
                embeddings = embeddings + forward(floats.flip(-1))
            rows.append(embeddings)
            bar.update(len(batch))
    return torch.cat(rows)
