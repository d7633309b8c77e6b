"""``python -m course_lib.alignment IN OUT``: align a folder tree of photographs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from course_lib.alignment.detector import Detector
from course_lib.alignment.folder import FAILED as NOT_MADE
from course_lib.alignment.folder import LONGEST_SIDE, NOT_ALIGNED, TIME_LIMIT, align_folder
from course_lib.alignment.mtcnn import MTCNN
from course_lib.alignment.retinaface import RetinaFace
from course_lib.alignment.template import Size, template
from course_lib.alignment.tree import NOT_LISTED
from course_lib.console import print_anything, shown
from course_lib.machine import cores

OK, FAILED, INTERRUPTED = 0, 1, 130  # argparse ends with 2 where the options are wrong


def main(arguments: list[str] | None = None) -> int:
    """Read the options, align, and say what became of it; the exit code."""
    print_anything()
    options = checked(arguments)
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
            time_limit=options.time_limit,
            force=options.force,
            remove_stale=options.remove_stale,
        )
    except KeyboardInterrupt:
        print("\nInterrupted. Give the same command to go on where it stopped.", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(f"Error: {shown(str(error))}", file=sys.stderr)
        return FAILED
    print(report)
    if report.stale and not report.removed:
        print("--remove-stale removes the crops without a photograph")
    if report.problems or report.others:
        print(f"All that has no crop, and why: {shown(str(options.target / NOT_ALIGNED))}")
    return FAILED if any(one.problem in (NOT_MADE, NOT_LISTED) for one in report.problems) else OK


def checked(arguments: list[str] | None) -> argparse.Namespace:
    """The options; where one is wrong, a sentence, and the program ends with exit code 2."""
    described = parser()
    options = described.parse_args(arguments)
    source, target = options.source.resolve(), options.target.resolve()
    if source == target or target in source.parents:
        described.error(f"OUT is {options.target}, which holds IN, the photographs; choose another folder")
    if target.exists() and not target.is_dir():
        described.error(f"OUT is {options.target}, a file; choose a folder, or a name for a new one")
    try:
        template(options.size, options.margin)
    except ValueError as error:
        described.error(f"--size and --margin: {error}")
    return options


def parser() -> argparse.ArgumentParser:
    """The options."""
    described = argparse.ArgumentParser(
        prog="python -m course_lib.alignment",
        description="Align every photograph below IN into the same tree below OUT. Give the same command again to"
        " continue an interrupted run, or after photographs were added, replaced or removed.",
        epilog="Exit code: 0; 1 if the run failed, or photographs failed or a folder could not be listed (no face and"
        " unreadable files are no failure: they are listed); 2 if the options are wrong.",
    )
    described.add_argument("source", metavar="IN", type=Path, help="folder of photographs, any tree")
    described.add_argument("target", metavar="OUT", type=Path, help="folder for the crops, and nothing else")
    described.add_argument("--detector", choices=("mtcnn", "retinaface"), default="mtcnn", help="default: mtcnn")
    described.add_argument("--min-face", type=positive, help="smallest face to look for, in pixels (default: 20)")
    described.add_argument("--size", type=as_size, default=112, help="of a crop: 112 (default), or 112x96 high by wide")
    described.add_argument(
        "--choose", choices=("largest", "central"), default="largest", help="which of several faces (default: largest)"
    )
    described.add_argument("--margin", type=int, default=0, help="pixels of the crop added around the face")
    described.add_argument("--format", choices=("png", "jpg"), default="png", help="default: png, which loses nothing")
    described.add_argument("--workers", type=positive, default=cores(), help="processes (default: all cores)")
    described.add_argument(
        "--time-limit",
        type=seconds,
        default=TIME_LIMIT,
        metavar="SECONDS",
        help=f"for one photograph; it is then listed as failed (default: {TIME_LIMIT:g})",
    )
    described.add_argument(
        "--force",
        action="store_true",
        help="align all photographs again; without it a photograph counts as replaced if its size or time of change"
        " is another",
    )
    described.add_argument(
        "--remove-stale", action="store_true", help="remove crops whose photograph is gone (default: list them)"
    )
    return described


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number of at least 1")
    return int(text)


def seconds(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a number of seconds above 0")
    return value


def as_size(text: str) -> Size:
    """``112`` or ``112x96``."""
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and 1 <= int(side) <= LONGEST_SIDE for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r}; expected pixels, 112 or 112x96, at most {LONGEST_SIDE:,} a side")
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def maker(options: argparse.Namespace) -> Callable[[], Detector]:
    """What makes the detector in each process."""
    chosen = {} if options.min_face is None else {"min_face": options.min_face}
    if options.detector == "mtcnn":
        return partial(MTCNN, **chosen)
    return partial(RetinaFace, threads=1, **chosen)


if __name__ == "__main__":
    sys.exit(main())
