"""What all commands share: help with an example, failures told in a sentence, one set of exit codes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

from course_lib.console import print_anything, shown
from course_lib.terms import show_once

OK, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = (
    f"Exit code: {OK}; {FAILED} if something failed; {WRONG} if the options are wrong; {INTERRUPTED} after Ctrl-C."
)
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
# What the library raises where files, arguments or what is installed are not what they should be.
EXPECTED = (OSError, ValueError, RuntimeError, MemoryError, ModuleNotFoundError)


class Group(click.Group):
    """Several commands, listed in the order of their use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As they were added."""
        return list(self.commands)


class Command(click.Command):
    """One command.

    Args:
        example: a line of it, for its help, after ``face-course``.
        words: what the library says of its arguments -> the same of the options.
        interrupted: what to do after Ctrl-C.
        uses_weights: whether the terms of the shipped model are shown, the first time.
    """

    def __init__(
        self,
        *arguments: Any,
        example: str,
        words: Mapping[str, str] | None = None,
        interrupted: str = "",
        uses_weights: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **{"context_settings": SETTINGS, **options})
        self.example, self.words, self.uses_weights = example, words or {}, uses_weights
        self.interrupted = f"Interrupted. {interrupted}".strip()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example, and the exit codes."""
        with formatter.section("Example"):
            formatter.write(f"{'':{formatter.current_indent}}face-course {self.example}\n")
        formatter.write_paragraph()
        formatter.write_text(self.epilog or EXIT_CODES)

    def invoke(self, ctx: click.Context) -> Any:
        """Run, and end with an exit code where the library raises."""
        if self.uses_weights:
            show_once()
        try:
            with warnings.catch_warnings():
                warnings.showwarning = self._warn
                return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):  # both are RuntimeErrors
            raise
        except KeyboardInterrupt:
            print(f"\n{self.interrupted}", file=sys.stderr)
            ctx.exit(INTERRUPTED)
        except EXPECTED as error:
            print(f"Error: {self.in_options(error)}", file=sys.stderr)
            ctx.exit(FAILED)

    def in_options(self, error: Warning | Exception | str) -> str:
        """What the library says, as it is told to who gave options, on one line."""
        text = str(error) or f"not enough memory ({type(error).__name__})"
        for argument, option in self.words.items():
            text = text.replace(argument, option)
        return shown(text)

    def _warn(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        print(f"Warning: {self.in_options(message)}", file=sys.stderr)


def run(command: click.Command, arguments: Sequence[str] | None = None, *, name: str = "face-course") -> int:
    """Run a command as a program; its exit code.

    Args:
        arguments: None for those that Python was started with.
        name: how the user calls it, for its help.
    """
    print_anything()
    try:
        command.main(None if arguments is None else list(arguments), prog_name=name)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else OK if ended.code is None else FAILED
    return OK


def print_json(value: Any) -> None:
    """Plain values on the standard output, for other programs; what is not finite is no JSON, and refused.

    Raises:
        ValueError: a number is not finite.
    """
    import json

    sys.stdout.write(json.dumps(value, indent=1, allow_nan=False) + "\n")


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Rows of plain values: all of them as JSON, or these columns as a table, in which None is ``-``."""
    if as_json:
        print_json(list(rows))
        return
    cells = [[*columns], *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_cell, value))
    return "-" if value is None else shown(str(value))
