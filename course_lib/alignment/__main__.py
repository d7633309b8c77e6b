"""``python -m course_lib.alignment IN OUT``: align a folder tree of photographs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from course_lib.alignment.detector import Detector
from course_lib.alignment.folder import NOT_ALIGNED, align_folder
from course_lib.alignment.mtcnn import MTCNN
from course_lib.alignment.retinaface import RetinaFace
from course_lib.alignment.template import Size
from course_lib.machine import cores

OK, FAILED, INTERRUPTED = 0, 1, 130


def main(arguments: list[str] | None = None) -> int:
    """Read the options, align, and say what became of it; the exit code."""
    options = parser().parse_args(arguments)
    try:
        report = align_folder(
            options.source,
            options.target,
            maker(options),
            size=options.size,
            choose=options.choose,
            margin=options.margin,
            suffix=f".{options.format}",
            workers=options.workers,
        )
    except KeyboardInterrupt:
        print("\nInterrupted. Give the same command to go on where it stopped.", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    print(report)
    if report.problems:
        print(f"What has no crop, and why: {options.target / NOT_ALIGNED}")
    return OK


def parser() -> argparse.ArgumentParser:
    """The options."""
    described = argparse.ArgumentParser(
        prog="python -m course_lib.alignment",
        description="Align every photograph below IN into the same tree below OUT. Give the same command again to"
        " continue an interrupted run.",
    )
    described.add_argument("source", metavar="IN", type=Path, help="folder of photographs, any tree")
    described.add_argument("target", metavar="OUT", type=Path, help="folder for the crops")
    described.add_argument("--detector", choices=("mtcnn", "retinaface"), default="mtcnn", help="default: mtcnn")
    described.add_argument("--min-face", type=int, help="smallest face to look for, in pixels (default: 20)")
    described.add_argument("--size", type=as_size, default=112, help="of a crop: 112 (default), or 112x96 high by wide")
    described.add_argument(
        "--choose", choices=("largest", "central"), default="largest", help="which of several faces (default: largest)"
    )
    described.add_argument("--margin", type=int, default=0, help="pixels of the crop added around the face")
    described.add_argument("--format", choices=("png", "jpg"), default="png", help="default: png, which loses nothing")
    described.add_argument("--workers", type=int, default=cores(), help="processes (default: all cores)")
    return described


def as_size(text: str) -> Size:
    """``112`` or ``112x96``."""
    sides = [int(side) for side in text.lower().split("x")]
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def maker(options: argparse.Namespace) -> Callable[[], Detector]:
    """What makes the detector in each process."""
    chosen = {} if options.min_face is None else {"min_face": options.min_face}
    if options.detector == "mtcnn":
        return partial(MTCNN, **chosen)
    RetinaFace(**chosen)  # says at once, and once, if its weights are missing
    return partial(RetinaFace, threads=1, **chosen)


if __name__ == "__main__":
    sys.exit(main())
