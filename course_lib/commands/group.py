"""All commands under one name."""

from __future__ import annotations

from collections.abc import Sequence

import click

from course_lib import __version__
from course_lib.commands.align import align
from course_lib.commands.check import check
from course_lib.commands.evaluate import evaluate
from course_lib.commands.export import export
from course_lib.commands.gallery import gallery
from course_lib.commands.lab import lab
from course_lib.commands.style import SETTINGS, Group, run
from course_lib.commands.web import web


@click.group(
    cls=Group,
    context_settings=SETTINGS,
    epilog="\b\nTab completes commands, options and models, in bash after\n"
    '  eval "$(_FACE_COURSE_COMPLETE=bash_source face-course)"\n'
    "in zsh with zsh_source there, and in fish after\n"
    "  _FACE_COURSE_COMPLETE=fish_source face-course | source",
)
@click.version_option(__version__, prog_name="face-course")
def face_course() -> None:
    """A course on lightweight face recognition.

    Its notebooks, and what its library does, from the command line; a command's own --help shows an example.
    """


for command in (lab, check, align, evaluate, export, gallery, web):
    face_course.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """``face-course``; the exit code."""
    return run(face_course, arguments)
