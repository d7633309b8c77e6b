"""``face-course align``: a folder tree of photographs to the same tree of aligned crops."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from course_lib.commands import options
from course_lib.commands.style import EXIT_CODES, FAILED, OK, Command, print_json
from course_lib.console import shown
from course_lib.machine import cores


@click.command(
    cls=Command,
    example="align photos crops --size 112x96",
    interrupted="Give the same command to go on where it stopped.",
    epilog=f"{EXIT_CODES} No face and unreadable files are no failure: they are listed.",
)
@click.argument("photos", type=options.Place())
@click.argument("crops", type=options.Place())
@options.detector
@click.option("--min-face", type=options.POSITIVE, help="Smallest face to look for, in pixels; 20 by default.")
@click.option(
    "--size", type=options.Size(), default="112", show_default=True, help="Of a crop, or 112x96 high by wide."
)
@click.option(
    "--choose",
    type=click.Choice(options.CHOICES),
    default="largest",
    show_default=True,
    help="Which of several faces.",
)
@click.option("--margin", type=int, default=0, show_default=True, help="Pixels of the crop added around the face.")
@click.option(
    "--format", "suffix", type=click.Choice(("png", "jpg")), default="png", show_default=True, help="png loses nothing."
)
@click.option("--workers", type=options.POSITIVE, help="Processes; as many as there are cores by default.")
@click.option(
    "--time-limit",
    type=options.Number(min=0, min_open=True, max=1e6),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="For one photograph; it is then listed as failed.",
)
@click.option("--force", is_flag=True, help="Align all again; else only those whose size or time changed.")
@click.option("--remove-stale", is_flag=True, help="Remove crops whose photograph is gone; else they are listed.")
@options.as_json
@click.pass_context
def align(
    ctx: click.Context,
    photos: Path,
    crops: Path,
    detector: str,
    min_face: int | None,
    suffix: str,
    workers: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Make aligned crops of a folder of photographs.

    Every photograph below PHOTOS is aligned into the same tree below CROPS, a folder for crops and nothing else. Give
    the same command again to continue an interrupted run, or after photographs were added, replaced or removed.
    """
    from course_lib.alignment import align_folder
    from course_lib.alignment.folder import FAILED as NOT_MADE
    from course_lib.alignment.folder import NOT_ALIGNED
    from course_lib.alignment.tree import NOT_LISTED

    _check(photos, crops, given)
    report = align_folder(
        photos, crops, _maker(detector, min_face), suffix=f".{suffix}", workers=workers or cores(), **given
    )
    if as_json:
        print_json(asdict(report))
    else:
        print(str(report))
        if report.stale and not report.removed:
            print("--remove-stale removes the crops without a photograph")
        if report.problems or report.others:
            print(f"All that has no crop, and why: {shown(str(crops / NOT_ALIGNED))}")
    ctx.exit(FAILED if any(one.problem in (NOT_MADE, NOT_LISTED) for one in report.problems) else OK)


def _check(photos: Path, crops: Path, given: dict[str, Any]) -> None:
    """Refuse places and sizes that are none, before anything is done."""
    from course_lib.alignment import template

    source, target = photos.resolve(), crops.resolve()
    if source == target or target in source.parents:
        raise click.UsageError(f"CROPS is {crops}, which holds PHOTOS; choose another folder")
    if target.exists() and not target.is_dir():
        raise click.UsageError(f"CROPS is {crops}, a file; choose a folder, or a name for a new one")
    try:
        template(given["size"], given["margin"])
    except ValueError as error:
        raise click.UsageError(f"--size and --margin: {error}") from error


def _maker(detector: str, min_face: int | None) -> Any:
    """What makes the detector in each process."""
    from functools import partial

    from course_lib.alignment import MTCNN, RetinaFace

    chosen = {} if min_face is None else {"min_face": min_face}
    return partial(MTCNN, **chosen) if detector == "mtcnn" else partial(RetinaFace, threads=1, **chosen)
