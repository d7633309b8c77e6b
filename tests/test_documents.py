"""What README.md and docs/ promise is there: links, commands, variables, figures; and the code of the library runs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from framed_faces import orl_photograph

from course_lib import data
from course_lib.commands.group import face_course
from tools import bootstrap, interpreters, picture

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "web/README.md")
DOCUMENTS = sorted([*(ROOT / name for name in NAMES), *(ROOT / "docs").glob("*.md")])
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
ON_GITHUB = "../../actions/"  # from there a link to the repository's own pages, whatever its address is


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings of a file."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"(?ms)^ *```.*?^ *```", "", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def links(text: str) -> list[str]:
    """The targets in a file that lie in the project."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(?ms)^ *```.*?^ *```", "", text))
    return [target for target in targets if not re.match(r"https?:|mailto:", target)]


def link_faults(path: Path, text: str) -> Iterator[str]:
    """Targets that are not there."""
    for target in links(text):
        name, _, anchor = target.partition("#")
        there = (path.parent / name) if name else path
        if name.startswith(ON_GITHUB) and path.name == "README.md":
            there = ROOT / ".github" / name.removeprefix(ON_GITHUB).removesuffix("/badge.svg")
        if not there.exists():
            yield f"{target} is not there"
        elif anchor and anchor not in anchors(there.read_text(encoding="utf-8")):
            yield f"{target} is no heading of that file"


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_linked_is_there(name: str) -> None:
    assert list(link_faults(ROOT / name, TEXTS[name])) == []


def test_a_broken_link_is_found() -> None:
    text = (
        "[a](docs/map.md) [b](docs/no.md) [c](#start) [d](docs/setup.md#no) [e](https://a.b) ![f](../../actions/no.yml)"
    )
    faults = list(link_faults(ROOT / "README.md", f"# Start\n{text}\n```\n[g](no.md)\n# no\n```\n"))
    assert [fault.split()[0] for fault in faults] == ["docs/no.md", "docs/setup.md#no", "../../actions/no.yml"]
    assert sum(map(len, map(links, TEXTS.values()))) > 50


def shown(pattern: str) -> list[tuple[str, str]]:
    """What the documents show of one kind: the file and the words."""
    return [(name, found) for name, text in TEXTS.items() for found in re.findall(pattern, text)]


COMMANDS = [(name, line) for name, line in shown(r"(?m)^ *(face-course .+?)(?: +#.*)?$")]


@pytest.mark.parametrize(("name", "line"), COMMANDS)
def test_a_command_that_is_shown_can_be_read(name: str, line: str) -> None:
    command: click.Command = face_course
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context("face-course", words)  # raises where an option is none


def test_enough_commands_are_shown() -> None:
    assert {line.split()[1] for _, line in COMMANDS} >= {"lab", "align", "evaluate", "export", "gallery"}


def test_targets_scripts_tools_and_variables_are_there() -> None:
    targets = shown(r"(?:^|[`\n])make ([a-z-]+)") + shown(r"bootstrap\.py ([a-z-]+)")
    assert {target for _, target in targets} - {"help", *bootstrap.COMMANDS} == set()
    assert {target for _, target in targets} >= {"lab", "test", "web"}
    for name, module in shown(r"python -m ((?:tools|benchmarks)[\w.]*)"):
        file = ROOT / module.replace(".", "/")
        assert file.with_suffix(".py").exists() or (file / "__main__.py").exists(), f"{name}: {module}"
    for name, script in shown(r"`((?:data_scripts|tools|tests|course_lib)/[\w./]+\.(?:py|txt|cfg|toml))`"):
        assert "NAME" in script or (ROOT / script).exists(), f"{name}: {script}"
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "course_lib").rglob("*.py"))
    code += "".join(
        path.read_text(encoding="utf-8") for path in [ROOT / "conftest.py", *(ROOT / "tools").rglob("*.py")]
    )
    variables = set(shown(r"\b(COURSE_[A-Z_]+)\b"))
    assert len({variable for _, variable in variables}) >= 10
    assert [(name, variable) for name, variable in variables if variable not in code] == []


def test_the_first_screen_says_what_is_so() -> None:
    readme, card = TEXTS["README.md"], (ROOT / "course_lib/weights/mobilefacenet_075_relu.md").read_text("utf-8")
    oldest, newest = map(interpreters.named, (interpreters.OLDEST, interpreters.NEWEST))
    assert f"badge/python-{oldest}_to_{newest}-blue" in readme
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8") and "badge/licence-Apache_2.0-blue" in readme
    (parameters,) = re.findall(r"a model of ([\d,]+) parameters", readme)
    assert f"{parameters} parameters" in card
    first_screen = readme.partition("## The chapters")[0]
    assert first_screen.count("\nmake ") == 2 and len(first_screen.split()) < 450


def test_what_a_click_opens_is_there() -> None:
    """On machines of others, which read these files."""
    setup = TEXTS["docs/setup.md"]
    addresses = re.findall(r"https://\S*OWNER/NAME\S*?(?=[`\"])", setup)
    assert len(addresses) == 3
    for notebook in re.findall(r"notebooks/\w+\.ipynb", "".join(addresses)):
        assert (ROOT / notebook).exists()
    (on_colab,) = re.findall(r"/blob/colab/(\w+\.ipynb)", setup)  # as tools/colab.py lays them
    assert (ROOT / "notebooks" / on_colab).exists()
    assert (ROOT / "binder/runtime.txt").read_text("utf-8").strip() == "python-3.13"
    assert "Python 3.13" in setup
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    for python in (container["image"].rpartition(":")[2], "3.13"):
        assert interpreters.OLDEST <= tuple(map(int, python.split("."))) <= interpreters.NEWEST
    assert container["postCreateCommand"].removeprefix("make ") in bootstrap.COMMANDS
    assert yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text("utf-8"))["name"] == "tests"


@pytest.mark.slow
def test_everyone_in_the_picture_gets_the_right_answer() -> None:
    found = picture.answers(picture.sheet())
    assert [face.name for face in found] == [
        picture.name(person) if person in picture.ENROLLED else None for person, _ in picture.PLACES
    ]
    assert picture.figure(picture.sheet(), found).get_suptitle() == "5 people of the gallery, and 2 strangers"


def library_blocks() -> list[str]:
    """The Python of docs/library.md."""
    return re.findall(r"```python\n(.*?)```", TEXTS["docs/library.md"], re.DOTALL)


@pytest.mark.slow
def test_the_code_that_trains_and_exports_runs(shallow: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a smaller network and one epoch, and with what a reader brings along."""
    monkeypatch.chdir(tmp_path)
    names = ("ada", "bob", "cy", "dot", "eve")
    for person, name in enumerate(names):
        for number in range(5):
            orl_photograph(person, number).save(f"{name}_{number}.jpg")
    pairs = [f"{name}_0.jpg {name}_{number}.jpg 1" for name in names for number in range(1, 5)]
    pairs += [f"{a}_0.jpg {b}_0.jpg 0" for a in names for b in names if a < b] * 2
    Path("pairs.txt").write_text("\n".join(pairs), encoding="utf-8")
    code = "\n".join(library_blocks()[:2])
    assert "epochs=5" in code
    given = {"calibration": data.normalise(data.orl_faces().images[:16]).numpy()}
    exec(compile(code.replace("epochs=5", "epochs=1"), "docs/library.md", "exec"), given)
    assert Path("network.int8.onnx").stat().st_size < Path("network.onnx").stat().st_size


@pytest.mark.slow
def test_the_code_of_the_gallery_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in ((1, "ada_1"), (2, "ada_2"), (3, "group")):
        orl_photograph(0, number).save(f"{name}.jpg")
    strangers = [np.asarray(orl_photograph(person, number)) for person in range(20, 34) for number in range(8)]
    given = {"photographs_of_strangers": strangers}
    (code,) = library_blocks()[2:]
    exec(compile(code, "docs/library.md", "exec"), given)
    assert given["gallery"].people() == ()
