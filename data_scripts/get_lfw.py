"""Download Labeled Faces in the Wild: 13,233 photographs of 5,749 people, and its lists of pairs (about 240 MB)."""

from __future__ import annotations

import sys

from fetch import Dataset, Piece, RemoteFile, command_line, run
from unpack import untar

FIGSHARE = "https://ndownloader.figshare.com/files/"  # the copy that scikit-learn keeps; the first host is gone


def _file(name: str, number: int, sha256: str, size: int = 0) -> RemoteFile:
    return RemoteFile(name, (f"{FIGSHARE}{number}",), f"sha256:{sha256}", size)


# Hashes as scikit-learn states them (sklearn/datasets/_lfw.py).
FUNNELED = _file(
    "lfw-funneled.tgz", 5976015, "b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a", 243_000_000
)
ORIGINAL = _file("lfw.tgz", 5976018, "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0", 181_000_000)
PAIRS = (
    _file("pairsDevTrain.txt", 5976012, "1d454dada7dfeca0e7eab6f65dc4e97a6312d44cf142207be28d688be92aabfa"),
    _file("pairsDevTest.txt", 5976009, "7cb06600ea8b2814ac26e946201cdb304296262aad67d046a16a7ec85d0ff87c"),
    _file("pairs.txt", 5976006, "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592"),
)
IMAGES = {
    "funneled": Piece("lfw/lfw_funneled", (FUNNELED,), untar, expected=13_233),
    "original": Piece("lfw/lfw", (ORIGINAL,), untar, expected=13_233),
}


def lfw(version: str) -> Dataset:
    """LFW with its photographs ``"funneled"`` (roughly aligned) or ``"original"``."""
    return Dataset(
        name=f"Labeled Faces in the Wild (LFW), {version}",
        folder="lfw",
        page="https://scikit-learn.org/stable/datasets/real_world.html",
        terms=(
            "News photographs of public figures, collected from the web (University of Massachusetts, Amherst).\n"
            "Licence: none is stated; the photographs' rights stay with their owners. Use it for research. It is a\n"
            "test set: do not train or calibrate on it what you test on it. Some groups of people are hardly in it.\n"
            "Cite: Huang, Ramesh, Berg and Learned-Miller, Labeled Faces in the Wild, technical report 07-49, 2007."
        ),
        pieces=(IMAGES[version], *(Piece(f"lfw/{file.name}", (file,)) for file in PAIRS)),
        read_with="course_lib.data.lfw() and lfw_pairs(); where both versions are there, they read the funneled one",
        faces=True,
    )


def main() -> int:
    """Parse the command line and fetch the chosen version."""
    parser = command_line(__doc__)
    parser.add_argument(
        "--version", choices=sorted(IMAGES), default="funneled", help="default: funneled (roughly aligned)"
    )
    options = parser.parse_args()
    return run(lfw(options.version), options)


if __name__ == "__main__":
    sys.exit(main())
