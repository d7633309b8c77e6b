"""``face-course gallery``: enrol people who agreed, name them in photographs, and forget them."""

from __future__ import annotations

import datetime
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from course_lib.commands import options
from course_lib.commands.style import SETTINGS, Command, Group, print_json, print_rows
from course_lib.console import shown

if TYPE_CHECKING:
    from course_lib.alignment import Problem
    from course_lib.gallery import Gallery, IdentifiedFace, Person

WORDS = {
    "add templates with extend=True or forget them first": "add templates with --extend, or forget them first",
    "call calibrate(far=...), or pass threshold=...": "face-course gallery calibrate chooses one, or give --threshold",
    "choose='largest' or 'central' takes one": "--choose largest or central takes one",
    "; people() lists who is": "; face-course gallery people lists who is",
    **options.NETWORK_WORDS,
}
SKIP = {"refuse": "raise", "exclude": "skip"}
DAY = click.DateTime(formats=("%Y-%m-%d",))


@click.group(cls=Group, context_settings=SETTINGS)
def gallery() -> None:
    """Enrol people who agreed, and find them again.

    FILE holds names, templates, consents and the threshold, and never a photograph.
    """


def subcommand(**settings: Any) -> Callable[[Callable[..., None]], click.Command]:
    """A command on a FILE, with the options that say what its templates are made by."""

    def made(function: Callable[..., None]) -> click.Command:
        for option in (options.as_json, options.detector, options.network_options, options.network, MODEL, FILE):
            function = option(function)
        return gallery.command(cls=Command, words=WORDS, **settings)(function)

    return made


FILE = click.argument("file", type=options.Place(dir_okay=False))
MODEL = click.option(
    "--model",
    default=options.SHIPPED,
    show_default=True,
    shell_complete=options.models,
    help="That makes the templates: a shipped one in 32 bits, or a file .safetensors, with --network.",
)


@subcommand(example='gallery enrol club.gallery Ada ada_1.jpg ada_2.jpg --purpose "to be found in the club\'s photos"')
@click.argument("name")
@click.argument("photographs", nargs=-1, required=True, type=options.Place())
@click.option("--purpose", required=True, help="What the person agreed to, in words they would recognise.")
@click.option("--by", metavar="WHO", help="Who agreed: NAME by default, or who may do so for them, such as a parent.")
@click.option("--date", type=DAY, metavar="YYYY-MM-DD", help="When they agreed; today by default.")
@click.option(
    "--until", type=DAY, metavar="YYYY-MM-DD", help="The last day on which the templates may be used; none by default."
)
@options.choose
@options.on_error
@click.option("--extend", is_flag=True, help="Add to the templates of a person who is enrolled already.")
def enrol(
    file: Path,
    name: str,
    photographs: tuple[Path, ...],
    purpose: str,
    by: str | None,
    date: datetime.datetime | None,
    until: datetime.datetime | None,
    choose: str | None,
    on_error: str,
    extend: bool,
    as_json: bool,
    **made_by: Any,
) -> None:
    """Enrol a person who agreed to it.

    NAME is enrolled in FILE, which is made if need be, from PHOTOGRAPHS. The consent is kept with the templates: who
    gave it, for what, when, and until when. The photographs are not kept.
    """
    from course_lib.gallery import Consent

    given = date.date() if date else datetime.date.today()
    consent = Consent(by or name, purpose, given, until.date() if until else None)
    report = opened(file, made_by, new=True).enrol(
        name, photographs, consent=consent, choose=choose, on_error=SKIP[on_error], extend=extend
    )
    if as_json:
        print_json({"templates": dict(report.templates), "problems": [vars(problem) for problem in report.problems]})
        return
    print(shown(str(report)))
    for problem in report.problems:
        print(f"  {shown(problem.file)}: {shown(problem.reason)}")


@subcommand(example="gallery calibrate club.gallery --strangers others --far 0.01")
@click.option(
    "--far", type=options.SHARE, default=0.01, show_default=True, help="Share of strangers' faces that may get a name."
)
@click.option(
    "--strangers",
    type=options.Place(),
    metavar="FOLDER",
    help="Photographs of people who are not enrolled, like those that will be identified; the people in FILE by"
    " default, each among the others.",
)
@options.choose
@options.on_error
def calibrate(
    file: Path,
    far: float,
    strangers: Path | None,
    choose: str | None,
    on_error: str,
    as_json: bool,
    **made_by: Any,
) -> None:
    """Choose the threshold for a share of false names.

    From it on a face in a photograph is given a name; it is kept in FILE.
    """
    from dataclasses import asdict

    others = None if strangers is None else photographs_in(strangers)
    found = opened(file, made_by).calibrate(far, others, choose=choose, on_error=SKIP[on_error])
    print_json(asdict(found)) if as_json else print(shown(str(found)))


@subcommand(example="gallery identify club.gallery group.jpg")
@click.argument("photographs", nargs=-1, required=True, type=options.Place())
@click.option("--threshold", type=options.Number(-1, 1), help="The lowest cosine that is given a name.")
@options.on_error
def identify(
    file: Path, photographs: tuple[Path, ...], threshold: float | None, on_error: str, as_json: bool, **made_by: Any
) -> None:
    """Name the faces in photographs.

    Each face in PHOTOGRAPHS gets the name of the person in FILE, or none where it is a stranger's.
    """
    problems: list[Problem] | None = [] if on_error == "exclude" else None
    found = opened(file, made_by).identify_many(photographs, threshold=threshold, problems=problems)
    faces = [face_row(path, face) for path, in_one in zip(photographs, found, strict=True) for face in in_one]
    print_rows(faces, ("photograph", "name", "score", "margin", "box"), as_json)
    for problem in problems or ():
        print(f"{shown(problem.file)}: {shown(problem.reason)}", file=sys.stderr)


@subcommand(example="gallery people club.gallery")
def people(file: Path, as_json: bool, **made_by: Any) -> None:
    """List who is enrolled, and what they agreed to."""
    rows = [row for person in opened(file, made_by).people() for row in consent_rows(person)]
    print_rows(rows, ("name", "templates", "by", "purpose", "date", "until", "ended"), as_json)


@subcommand(example="gallery forget club.gallery Ada")
@click.argument("name", required=False)
@click.option("--ended", is_flag=True, help="In place of NAME: everything whose consent has ended.")
def forget(file: Path, name: str | None, ended: bool, as_json: bool, **made_by: Any) -> None:
    """Remove a person, to the last byte.

    Copies and backups of the file are yours to erase.
    """
    if (name is None) != ended:
        raise click.UsageError("give either NAME or --ended")
    people = opened(file, made_by)
    count = people.forget_ended() if ended else people.forget(str(name))
    print_json({"templates": count}) if as_json else print(f"{count} templates removed")


def opened(file: Path, made_by: dict[str, Any], *, new: bool = False) -> Gallery:
    """The gallery in a file, which is made only where that is meant."""
    from course_lib.alignment import MTCNN, RetinaFace
    from course_lib.gallery import Gallery
    from course_lib.verify import load_module

    if not new and not file.exists():
        raise FileNotFoundError(f"{file} is not there; face-course gallery enrol makes it")
    module = load_module(made_by["model"], architecture=made_by["network"], options=made_by["network_options"])
    detector = {"mtcnn": MTCNN, "retinaface": partial(RetinaFace, threads=1)}[made_by["detector"]]()
    return Gallery(module, detector, file, size=module.input_size)


def photographs_in(folder: Path) -> list[Path]:
    """All photographs below a folder, with a warning where some of it cannot be listed."""
    from course_lib.alignment.tree import tree

    below = tree(folder, folder)
    for problem in below.unlisted:
        said = f"{folder / problem.file} is not listed ({problem.reason}); its photographs are not counted"
        warnings.warn(said, stacklevel=2)
    found = [folder / name for name in below.photographs]
    if not found:
        raise FileNotFoundError(f"{folder} holds no photograph; expected those of people who are not enrolled")
    return found


def face_row(path: Path, face: IdentifiedFace) -> dict[str, Any]:
    """One identified face in plain values."""
    return {
        "photograph": str(path),
        "name": face.name,
        "nearest": face.nearest,
        "score": round(face.score, 4),
        "margin": None if face.margin is None else round(face.margin, 4),
        "box": face.box.round(1).tolist(),
        "landmarks": face.landmarks.round(1).tolist(),
    }


def consent_rows(person: Person) -> list[dict[str, Any]]:
    """A person's consents in plain values, a row each."""
    return [
        {
            "name": person.name,
            "templates": person.templates,
            "by": consent.by,
            "purpose": consent.purpose,
            "date": consent.date.isoformat(),
            "until": consent.until and consent.until.isoformat(),
            "ended": consent.has_ended(),
        }
        for consent in person.consents
    ]
