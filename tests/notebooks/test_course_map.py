"""The map keeps the rules of the order, the notebooks keep to the map, and the pages written from it are current."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from tools import course_map
from tools.course_map import ROOT, Chapter, Course, Step, Track
from tools.notebook_minutes import FORM, Header, Minutes
from tools.notebooks import NOTEBOOKS

COMMITTED = sorted(NOTEBOOKS.glob("*.ipynb"))
of_a_notebook = pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def committed() -> Course:
    return course_map.load()


def named(text: str) -> list[str]:
    """The numbers of the notebooks that a text names: "notebook 04b", "notebooks 03, 04b and 10"."""
    text = re.sub(r"\]\([^)]*\)|\[", " ", text)
    lists = re.findall(r"(?i)\bnotebooks?\s+((?:\d\d[a-z]?(?:\s*,\s*|\s+and\s+|\s+or\s+|\s+to\s+)?)+)", text)
    return [number for found in lists for number in re.findall(r"\d\d[a-z]?", found)]


def paragraph(text: str, opening: str) -> str:
    """The paragraph that begins with the pattern, on one line; empty where there is none."""
    found = re.search(rf"(?ms)^{opening}(.*?)(?=\n\s*\n|\Z)", text)
    return " ".join(found[1].split()) if found else ""


def end(path: Path) -> str:
    """The markdown behind the last code cell."""
    cells = nbformat.read(path, as_version=4).cells
    last = max(position for position, cell in enumerate(cells) if cell.cell_type == "code")
    return "\n\n".join(cell.source for cell in cells[last + 1 :])


def test_the_map_has_every_notebook_and_no_other(committed: Course) -> None:
    assert {chapter.name for chapter in committed.chapters} == {path.stem for path in COMMITTED}


def test_number_order_is_reading_order_and_the_core_needs_only_the_core(committed: Course) -> None:
    assert list(course_map.faults(committed)) == []


def test_the_core_is_what_the_six_week_unit_takes(committed: Course) -> None:
    core = [chapter.number for chapter in committed.chapters if chapter.core]
    (unit,) = (track for track in committed.tracks if "six-week" in track.title)
    assert unit.chapters == core


@of_a_notebook
def test_a_notebook_says_that_it_needs_what_the_map_says(path: Path, committed: Course) -> None:
    header = "\n\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells[:3])
    needs = paragraph(header, r"\*\*What you need before\*\*:")
    number = path.stem.split("_")[0]
    assert needs, 'no paragraph begins with "**What you need before**:"'
    assert sorted(named(needs)) == sorted(committed[number].needs)
    assert all(need < number for need in named(needs))


@of_a_notebook
def test_a_notebook_ends_with_what_comes_next(path: Path, committed: Course) -> None:
    following, number = paragraph(end(path), r"(?:\*\*Next\*\*|Next):"), path.stem.split("_")[0]
    numbers = [chapter.number for chapter in committed.chapters]
    assert following, 'no paragraph behind the last code cell begins with "**Next**:"'
    assert named(following) or number == numbers[-1], "Next names no notebook"
    assert all(then in numbers and then > number for then in named(following))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_links_to_notebooks_lead_somewhere(path: Path) -> None:
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#:\s]+\.(?:ipynb|py))[^)]*\)", text)
    missing = [link for link in links if not (path.parent / link).exists()]
    assert links and not missing


RENUMBERED = {  # what the notebooks were called before chapter 02 was put in front of them
    "02": "convolution_costs",
    "03a": "mobilenets",
    "03b": "mobilefacenet",
    "03c": "mobiface",
    "03d": "deepface",
    "03e": "inception",
    "03f": "se_lresnet",
    "03g": "vit",
    "04": "center_loss_digits",
    "05": "center_loss_faces",
    "06": "margin_losses",
    "07": "sgd_vs_sam",
    "08": "transfer_learning",
    "09": "evaluation",
    "10": "distillation",
    "11": "quantized_export",
    "12": "capstone",
    "13": "paper_audit",
}


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.skipif(not shutil.which("git") or bool(git("ls-files").returncode), reason="not in a git repository")
def test_no_tracked_file_names_a_notebook_by_its_old_number() -> None:
    old = [f"{number}_{name}" for number, name in RENUMBERED.items()]
    found = git("grep", "--name-only", "--word-regexp", "--fixed-strings", *(f"-e{name}" for name in old))
    assert (found.stdout, found.returncode) == ("", 1), found.stderr  # 1: nothing was found
    assert git("ls-files", *(f"*{name}*" for name in old)).stdout == ""


def test_readme_and_map_are_current() -> None:
    assert course_map.main(["--check"]) == 0, "run `python -m tools.course_map`"


# The rules and the pages, on a course that is made up.


def chapter(name: str, *needs: str, core: bool = True, read: int = 30, more: int = 0, run: str = "1 minute") -> Chapter:
    title = name.split("_")[1].title()
    return Chapter(name, title, core, needs, f"do {title}", "faces", Header(run, Minutes(read, more), 1.1))


CHAPTERS = (
    chapter("00_start"),
    chapter("01_align", "00", read=45),
    chapter("07_margins", "00"),
    chapter("07b_triplets", "07", core=False, more=45),
    chapter("09a_probes", "00", "01", "07", run="1 to 2 minutes"),
)
STEPS = (Step("first", ("00", "01"), "align"), Step("then", ("07", "09a"), "probe"))
TRACK = Track("Short", "You have no time.", "You can probe.", STEPS)
COURSE = Course(CHAPTERS, (TRACK,))


def test_letters_are_numbers() -> None:
    assert [chapter.number for chapter in COURSE.chapters] == ["00", "01", "07", "07b", "09a"]
    assert list(course_map.faults(COURSE)) == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"chapters": (CHAPTERS[1], CHAPTERS[0], *CHAPTERS[2:])}, "00 stands behind 01"),
        ({"chapters": (*CHAPTERS, CHAPTERS[4])}, "09a stands behind 09a"),
        ({"chapters": (*CHAPTERS[:4], chapter("09a_probes", "07b"))}, "09a belongs to the core, and needs 07b"),
        ({"chapters": (chapter("00_start", "07b", core=False), *CHAPTERS[1:])}, "00 needs 07b, which comes later"),
        ({"chapters": (chapter("00_start", "00"), *CHAPTERS[1:])}, "00 needs 00, which comes later"),
        ({"chapters": (*CHAPTERS[:4], chapter("09a_probes", "05"))}, "09a needs 05, which does not exist"),
        ({"tracks": (replace(TRACK, steps=TRACK.steps[1:]),)}, "Short: 07 needs 00, which does not come before it"),
        ({"tracks": (replace(TRACK, steps=TRACK.steps[::-1]),)}, "Short: 09a needs 01, which does not come before it"),
        ({"tracks": (replace(TRACK, steps=(Step("a", ("05",), "x"),)),)}, "Short: 05 does not exist"),
    ],
)
def test_what_breaks_the_order_is_named(changed: dict, fault: str) -> None:
    assert any(line.startswith(fault) for line in course_map.faults(replace(COURSE, **changed)))


def test_totals_take_the_longest_run_and_keep_open_tasks_apart() -> None:
    assert course_map.totals(CHAPTERS) == "2 h 45 min to read and do, 45 min more for the open tasks, 6 min to run"
    assert course_map.totals(CHAPTERS[:1]) == "30 min to read and do, 1 min to run"
    assert [course_map.duration(minutes) for minutes in (0, 5, 60, 125)] == ["0 min", "5 min", "1 h", "2 h 5 min"]
    with pytest.raises(ValueError, match='00_start takes "a while" to run'):
        course_map.totals([chapter("00_start", run="a while")])


def test_the_tree_draws_each_need_once() -> None:
    assert course_map.diagram(COURSE).splitlines() == [
        "00 Start",
        "├─ 01 Align",
        "└─ 07 Margins",
        "   ├─ 07b Triplets *",
        "   └─ 09a Probes (also 01)",
    ]


def test_the_pages_name_every_chapter_with_its_link() -> None:
    readme, page = course_map.readme_table(COURSE), course_map.map_text(COURSE)
    for chapter in CHAPTERS:
        assert f"](notebooks/{chapter.name}.ipynb)" in readme and f"](../notebooks/{chapter.name}.ipynb)" in page
    assert "| [07b Triplets](notebooks/07b_triplets.ipynb) | 1 min | 30 min | 1.1 GB | do Triplets |" in readme
    assert "| **[09a Probes](notebooks/09a_probes.ipynb)** | 1 to 2 min | 30 min | 1.1 GB | do Probes |" in readme
    assert "| 07b Triplets | 1 min | 30 min | 45 min | 1.1 GB | faces |" in page
    assert "- **Core**, 4 chapters: 2 h 15 min to read and do, 5 min to run." in readme
    assert "**In all**: 2 h 15 min to read and do, 5 min to run." in page


MAP = """
[[chapters]]
name = "00_start"
title = "Start"
core = true
needs = []
gives = "start"
data = "faces"

[[tracks]]
title = "Short"
whom = "You."
afterwards = "Done."
[[tracks.steps]]
when = "now"
chapters = ["00"]
do = "it"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notebooks" / "text").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "notebooks" / "map.toml").write_text(MAP, encoding="utf-8")
    (tmp_path / "notebooks" / "text" / "00_start.py").write_text(f"# # Start\n# {FORM}\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(f"above\n{course_map.BEGIN}\nold\n{course_map.END}\nbelow\n", encoding="utf-8")
    return tmp_path


def test_the_tool_writes_once_and_then_finds_its_files_current(folder: Path) -> None:
    assert course_map.main(["--check"], folder) == 1
    assert not (folder / "docs" / "map.md").exists()
    assert course_map.main([], folder) == 0
    assert course_map.main(["--check"], folder) == 0
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"above\n{course_map.BEGIN}\n") and readme.endswith(f"{course_map.END}\nbelow\n")
    assert "| 1 min | 50 min | 1.1 GB | start |" in readme and "old" not in readme


@pytest.mark.parametrize("name", ["notebooks/text/00_start.py", "notebooks/map.toml", "README.md", "docs/map.md"])
def test_a_change_of_a_source_or_a_page_is_noticed(folder: Path, name: str) -> None:
    course_map.main([], folder)
    text = (folder / name).read_text(encoding="utf-8")
    changed = text.replace("50 minutes", "55 minutes").replace('"start"', '"begin"').replace("| 50 min |", "| 5 min |")
    assert changed != text
    (folder / name).write_text(changed, encoding="utf-8")
    assert course_map.main(["--check"], folder) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("README.md", "no markers", "lacks the markers"),
        ("notebooks/text/00_start.py", "# # Start", "Expected a line of the form"),
        ("notebooks/map.toml", MAP.replace("00_start", "01_other"), "there is no"),
        ("notebooks/map.toml", MAP.replace("needs = []", 'needs = ["00"]'), "which comes later"),
    ],
)
def test_what_is_missing_is_said(
    folder: Path, capsys: pytest.CaptureFixture, name: str, text: str, message: str
) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    assert course_map.main([], folder) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("[notebook 02](02_train.ipynb), and what a derivative is", ["02"]),
        ("notebooks 03, 04b and 10; Python 3.12", ["03", "04b", "10"]),
        ("[Notebook 05](05_x.ipynb) and [notebook 07b](07b_x.ipynb)", ["05", "07b"]),
        ("some Python, 10 minutes", []),
    ],
)
def test_numbers_of_notebooks_are_found_in_prose(text: str, numbers: list[str]) -> None:
    assert named(text) == numbers
