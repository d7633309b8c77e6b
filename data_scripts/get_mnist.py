"""Download MNIST: 70,000 handwritten digits, 28x28, as the four idx files that torchvision reads (12 MB)."""

from __future__ import annotations

import sys

from fetch import Dataset, Piece, RemoteFile, command_line, run
from unpack import gunzip

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")

# Name, md5 of NAME.gz as torchvision states it, its bytes, and the bytes of NAME: a header, then one byte per value.
IDX_FILES = (
    ("train-images-idx3-ubyte", "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422, 16 + 60_000 * 28 * 28),
    ("train-labels-idx1-ubyte", "d53e105ee54ea40749a09fcbcd1e9432", 28_881, 8 + 60_000),
    ("t10k-images-idx3-ubyte", "9fb629c4189551a2d022fa330f9573f3", 1_648_877, 16 + 10_000 * 28 * 28),
    ("t10k-labels-idx1-ubyte", "ec29112dd5afa0611ce80d1b7f02629c", 4_542, 8 + 10_000),
)


def _piece(name: str, md5: str, size: int, unpacked: int) -> Piece:
    file = RemoteFile(f"{name}.gz", tuple(f"{mirror}{name}.gz" for mirror in MIRRORS), f"md5:{md5}", size)
    return Piece(f"MNIST/raw/{name}", (file,), gunzip, expected=unpacked)


MNIST = Dataset(
    name="MNIST",
    folder="MNIST",
    page="http://yann.lecun.com/exdb/mnist/",
    terms=(
        "70,000 handwritten digits (LeCun, Cortes and Burges 1998), made from NIST's Special Databases 1 and 3.\n"
        "Licence: Creative Commons Attribution-Share Alike 3.0, as is commonly stated; the files carry none.\n"
        "Cite: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998."
    ),
    pieces=tuple(_piece(*row) for row in IDX_FILES),
    read_with="course_lib.data.digits(full=True)",
)

if __name__ == "__main__":
    sys.exit(run(MNIST, command_line(__doc__).parse_args()))
