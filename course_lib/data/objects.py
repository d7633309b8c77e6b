"""Photographs of ten kinds of things, CIFAR-10: what a network for faces can be trained on before it sees a face."""

from __future__ import annotations

from pathlib import Path

import torch

from course_lib.data.container import ImageSet
from course_lib.data.photographs import face_folder
from course_lib.paths import data_folder, expanded

BATCHES = "cifar-10-batches-py"
SIDE = 32
SOURCE = "CIFAR-10, Krizhevsky 2009, University of Toronto"
SCRIPT = "python data_scripts/get_cifar10.py"


def objects(root: Path | str | None = None) -> tuple[ImageSet, ImageSet]:
    """CIFAR-10 as (train, test) sets of RGB 32x32 images: 50,000 and 10,000, ten classes in alphabetical order.

    Two layouts are read: the published one, ``cifar-10-batches-py`` inside ``root``; or the same photographs, or some
    of them, as image files, ``train/CLASS/IMAGE.jpg`` and ``test/CLASS/IMAGE.jpg``, which are scaled to 32x32.

    Args:
        root: by default ``cifar10`` in the data folder, where ``data_scripts/get_cifar10.py`` puts it.

    Raises:
        FileNotFoundError: neither layout is there, or a part of it is missing.
        ValueError: a published file has another MD5 hash than torchvision knows (they are pickles, so none is opened
            then); an image is damaged; or train and test have other classes. The message names file or class.

    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    root = expanded(root) if root is not None else data_folder() / "cifar10"
    if (root / BATCHES).is_dir():
        _check_published(root)
        return _published(root, "train"), _published(root, "test")
    if not any((root / part).is_dir() for part in ("train", "test")):
        raise FileNotFoundError(
            f"{root} holds neither {BATCHES} nor train/CLASS/IMAGE.jpg; fetch CIFAR-10 with: {SCRIPT}"
        )
    train, test = (_folders(root, part) for part in ("train", "test"))
    alone = sorted(set(train.names) ^ set(test.names))
    if alone:
        part = "train" if alone[0] in train.names else "test"
        raise ValueError(f"{root / part / alone[0]} is a class in {part} only; expected the same classes in both")
    return train, test


def _check_published(root: Path) -> None:
    """Name the file that is missing or damaged; torchvision only says that something is."""
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_md5

    meta = (CIFAR10.meta["filename"], CIFAR10.meta["md5"])
    for name, md5 in [*CIFAR10.train_list, *CIFAR10.test_list, meta]:
        path = root / BATCHES / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not there; delete {path.parent} and fetch CIFAR-10 with: {SCRIPT}")
        if not check_md5(str(path), md5):
            raise ValueError(
                f"{path} is damaged: its MD5 hash is not {md5}; delete {path.parent} and fetch CIFAR-10 with: {SCRIPT}"
            )


def _published(root: Path, part: str) -> ImageSet:
    from torchvision.datasets import CIFAR10

    cifar = CIFAR10(str(root), train=part == "train", download=False)  # it checks the hashes itself, before unpickling
    images = torch.from_numpy(cifar.data).permute(0, 3, 1, 2).contiguous()  # (N, 32, 32, 3) -> (N, 3, 32, 32)
    return ImageSet(images, torch.tensor(cifar.targets), tuple(cifar.classes), f"{SOURCE}; {part}")


def _folders(root: Path, part: str) -> ImageSet:
    if not (root / part).is_dir():
        raise FileNotFoundError(f"{root / part} is not there; expected {part}/CLASS/IMAGE.jpg, or: {SCRIPT}")
    return face_folder(root / part, size=(SIDE, SIDE), source=f"{SOURCE}; {root / part}")
