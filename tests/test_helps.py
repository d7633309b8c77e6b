"""What the commands say of their options is written down; `python tests/test_helps.py` writes it anew."""

from __future__ import annotations

from pathlib import Path

from course_lib.alignment import __main__ as alignment
from course_lib.verify import command as verify

WRITTEN = Path(__file__).with_name("helps.txt")


def helps() -> list[str]:
    """A line an option: its names, what stands for its value, its choices and what it is for."""
    lines = []
    for parser in (alignment.parser(), verify.parser()):
        lines += [f"{parser.prog}: {parser.description}", f"{parser.prog}, at the end: {parser.epilog}"]
        for action in parser._actions:
            names = " ".join(action.option_strings) or f"({action.metavar})"
            needed = " needed" if action.required else ""
            choices = f" of {', '.join(map(str, action.choices))}" if action.choices else ""
            lines.append(f"{names} {action.metavar or ''}{choices}{needed}: {action.help}")
    return lines


def test_the_options_say_what_they_said() -> None:
    assert helps() == WRITTEN.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    WRITTEN.write_text("\n".join(helps()) + "\n", encoding="utf-8")
