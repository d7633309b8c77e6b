"""Download CIFAR-10: 60,000 colour images of ten kinds of things, 32x32, as torchvision reads them (170 MB)."""

from __future__ import annotations

import sys

from fetch import Dataset, Piece, RemoteFile, command_line, run
from unpack import untar

ARCHIVE = RemoteFile(
    "cifar-10-python.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    "md5:c58f30108f718f92721af3b95e74349a",
    170_498_071,
)

CIFAR10 = Dataset(
    name="CIFAR-10",
    folder="cifar10",
    page="https://www.cs.toronto.edu/~kriz/cifar.html",
    terms=(
        "60,000 images labelled by people, from the Tiny Images collection, which web searches had gathered.\n"
        "Licence: none is stated; its authors offer it for research and ask to be cited. The photographs' rights stay\n"
        "with their owners. Tiny Images itself was withdrawn in 2020 because of offensive labels.\n"
        "Cite: Krizhevsky, Learning multiple layers of features from tiny images, technical report, Toronto 2009."
    ),
    # Five training batches, one test batch and batches.meta.
    pieces=(Piece("cifar10/cifar-10-batches-py", (ARCHIVE,), untar, expected=7, pattern="*batch*"),),
    read_with='course_lib.data.objects("{root}/cifar10")',
)

if __name__ == "__main__":
    sys.exit(run(CIFAR10, command_line(__doc__).parse_args()))
