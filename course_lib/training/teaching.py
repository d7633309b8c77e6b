"""What a teacher makes of a set of images: computed once, kept on disk, and never taken for another's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib.data import Augmentation, ImageSet
from course_lib.paths import expanded, written_whole
from course_lib.training.embed import embed


def views(images: ImageSet, augment: Augmentation, copies: int, *, seed: int = 0, batch_size: int = 256) -> ImageSet:
    """The images themselves and ``copies`` augmented versions of each, numbered: (1 + copies) N images.

    A teacher is shown these very pixels, so that student and teacher always look at the same thing (Beyer et al. 2022,
    "Knowledge distillation: a good teacher is patient and consistent"). Raises ``ValueError`` for fewer copies than 0.
    """
    if copies < 0:
        raise ValueError(f"copies is {copies}; expected 0 or more")
    everything = torch.empty((1 + copies) * len(images), *images.images.shape[1:], dtype=torch.uint8)
    everything[: len(images)] = images.images
    generator = torch.Generator().manual_seed(seed)
    for copy in range(1, copies + 1):
        # Another order each time: an augmentation that blends images finds other partners.
        order = torch.randperm(len(images), generator=generator)
        for chosen in order.split(batch_size):
            everything[copy * len(images) + chosen] = augment(images.images[chosen], generator)
    numbers = torch.arange(len(everything))
    return ImageSet(everything, numbers, tuple(map(str, numbers.tolist())), images.source)


def teacher_embeddings(
    teacher: nn.Module, images: ImageSet | Tensor, cache: Path | str | None = None, *, flip: bool = True
) -> np.ndarray:
    """The teacher's embeddings of all images, float32 (N, D), read from ``cache`` where they are already there.

    Args:
        teacher: images (N, C, H, W) float -> embeddings (N, D).
        images: an image set or its uint8 (N, C, H, W) tensor.
        cache: a ``.safetensors`` file, written whole or not at all; None keeps nothing.
        flip: add the embedding of each mirrored image, as ``embed`` does.

    Raises:
        ValueError: the cache is damaged, or was made by another teacher, of other images or with another ``flip``; the
            message says which.
    """
    if cache is None:
        return embed(teacher, images, flip=flip)
    cache = expanded(cache)
    here = {"teacher": fingerprint(teacher), "set of images": _pixels_hash(images), "flip": str(flip)}
    if cache.exists():
        return _read(cache, here)
    embeddings = embed(teacher, images, flip=flip)
    with written_whole(cache) as unfinished:
        save_file({"embeddings": torch.from_numpy(embeddings)}, unfinished, metadata=here)
    return embeddings


def fingerprint(network: nn.Module) -> str:
    """A hash of a network's structure and weights."""
    digest = hashlib.sha256(repr(network).encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _pixels_hash(images: ImageSet | Tensor) -> str:
    pixels = images.images if isinstance(images, ImageSet) else images
    digest = hashlib.sha256(str(tuple(pixels.shape)).encode())
    digest.update(pixels.contiguous().numpy())
    return digest.hexdigest()


def _read(cache: Path, here: dict[str, str]) -> np.ndarray:
    try:
        with safe_open(cache, "np") as file:
            there = file.metadata() or {}
            different = [name for name, value in here.items() if there.get(name) != value]
            if different:
                raise ValueError(
                    f"{cache} holds embeddings of another {', another '.join(different)}; "
                    "give another cache, or delete it to have them made again"
                )
            return file.get_tensor("embeddings")
    except SafetensorError as error:
        raise ValueError(f"{cache} is no cache of embeddings ({error}); delete it to have them made again") from error
