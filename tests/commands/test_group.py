"""All commands: one help, one set of exit codes, one version, and completion."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from course_lib import __version__, weights
from course_lib.commands import main, options
from course_lib.commands.group import face_course
from course_lib.commands.style import Command, run

ROOT = Path(__file__).resolve().parents[2]


def every(
    group: click.Group = face_course, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every(command, (*path, name))


COMMANDS = dict(every())
LEAVES = {path: command for path, command in COMMANDS.items() if not isinstance(command, click.Group)}


def test_the_commands_are_those_of_the_course() -> None:
    assert list(face_course.commands) == ["lab", "check", "align", "evaluate", "export", "gallery", "web"]
    inside = [path[1] for path in COMMANDS if len(path) == 2]
    assert inside == ["enrol", "calibrate", "identify", "people", "forget"]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_the_help_shows_an_example_that_the_command_can_read(
    path: tuple[str, ...], capsys: pytest.CaptureFixture
) -> None:
    assert main([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    example = re.search(r"^Example:\n  face-course (.+)$", shown, re.MULTILINE)[1]
    words = shlex.split(example)
    assert tuple(words[: len(path)]) == path
    LEAVES[path].make_context("face-course", words[len(path) :])  # raises where an option is none
    assert "Exit code: 0; 1 if something failed; 2 if the options are wrong" in " ".join(shown.split())


@pytest.mark.parametrize("command", LEAVES.values(), ids=map(" ".join, LEAVES))
def test_every_option_says_what_it_is_for(command: click.Command) -> None:
    assert isinstance(command, Command)
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_options_of_one_name_mean_one_thing() -> None:
    kinds: dict[str, set[str]] = {}
    for command in LEAVES.values():
        for option in command.params:
            if isinstance(option, click.Option) and option.name not in ("detector", "model", "far", "fars"):
                kinds.setdefault(option.opts[0], set()).add(f"{option.type!r} {option.is_flag}")
    assert {name: kind for name, kind in kinds.items() if len({re.sub(" at 0x.*?>", "", k) for k in kind}) > 1} == {}


def test_the_version_is_the_librarys(capsys: pytest.CaptureFixture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"face-course, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["trian"], ["align"], ["check", "--all"], ["gallery", "forget"], ["web", "--port", "x"]]
)
def test_what_is_no_command_or_option_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture) -> None:
    assert main(arguments) == 2
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (FileNotFoundError("a.jpg is not there"), 1, "Error: a.jpg is not there\n"),
        (ValueError("pass extend=True\nor not"), 1, "Error: give --extend\\nor not\n"),
        (MemoryError(), 1, "Error: not enough memory (MemoryError)\n"),
        (KeyboardInterrupt(), 130, "\nInterrupted. Go on.\n"),
        (click.UsageError("--a and --b"), 2, "Usage: any [OPTIONS]\n\nError: --a and --b\n"),
    ],
)
def test_failures_are_told_in_a_sentence(
    raised: BaseException, code: int, told: str, capsys: pytest.CaptureFixture
) -> None:
    @click.command(cls=Command, example="any", words={"pass extend=True": "give --extend"}, interrupted="Go on.")
    def any_command() -> None:
        raise raised

    assert run(any_command, [], name="any") == code
    assert re.sub(r"Try .*\n", "", capsys.readouterr().err) == told


def test_what_nobody_expected_keeps_its_traceback() -> None:
    @click.command(cls=Command, example="any")
    def any_command() -> None:
        raise KeyError("a fault of the program")

    with pytest.raises(KeyError):
        run(any_command, [])


def test_a_warning_is_told_in_the_words_of_the_options(capsys: pytest.CaptureFixture) -> None:
    @click.command(cls=Command, example="any", words={"calibrate()": "gallery calibrate"})
    def any_command() -> None:
        warnings.warn("call calibrate() again", stacklevel=1)

    assert run(any_command, []) == 0
    assert capsys.readouterr().err == "Warning: call gallery calibrate again\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("face-course ga", "gallery"),
        ("face-course gallery en", "enrol"),
        ("face-course evaluate --on", "--on-error"),
        ("face-course evaluate --model mobile", "mobilefacenet_075_relu.int8"),
        ("face-course lab --fresh 00", "00_start_here"),
        ("face-course align --detector ", "retinaface"),
    ],
)
def test_tab_completes(typed: str, offered: str) -> None:
    words = typed.split(" ")
    settings = {"_FACE_COURSE_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    program = "from course_lib.commands import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | settings, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert f"plain,{offered}" in done.stdout.splitlines(), done.stderr


def test_only_what_is_a_model_completes_one() -> None:
    found = [item.value for item in options.models(None, None, "") if item.type == "plain"]
    assert found == [name + end for name in weights.available() for end in ("", ".int8")]


def test_help_and_completion_load_nothing_heavy() -> None:
    program = (
        "import sys, course_lib.commands; print([name for name in ('torch', 'numpy', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


# --- Check and web ---


def test_the_check_as_json_and_as_a_module(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    from course_lib import check

    monkeypatch.setattr(check, "MUST_IMPORT", ())
    code = main(["check", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == int(not all(need["ok"] for need in found["requirements"]))
    assert set(found) == {"requirements", "machine", "data", "not_looked_for"}
    assert check.main(["--json"]) == code and json.loads(capsys.readouterr().out)["data"] == found["data"]
    assert check.main(["--jsn"]) == 2 and "--jsn is no option here" in capsys.readouterr().err


def test_the_page_is_served_or_the_port_is_named(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from course_lib import page

    served = []
    monkeypatch.setattr(page, "serve", lambda port, open_browser: served.append((port, open_browser)))
    assert main(["web", "--no-browser", "--port", "8010"]) == 0 and served == [(8010, False)]

    def taken(port: int, open_browser: bool) -> None:
        raise OSError("port 8010 cannot be used (in use); name another one, such as --port 8010")

    monkeypatch.setattr(page, "serve", taken)
    assert main(["web"]) == 1 and "name another one" in capsys.readouterr().err
