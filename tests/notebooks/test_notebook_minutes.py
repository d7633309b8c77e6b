"""The rule for minutes on cases worked by hand, the header's line, and every committed notebook's header."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tools import notebook_minutes
from tools.notebook_minutes import FORM, Header, Minutes
from tools.notebooks import NOTEBOOKS

COMMITTED = sorted(NOTEBOOKS.glob("*.ipynb"))
LINE = "**Time and place**: 1 minute to run, 50 minutes to read and do. No GPU, no network, 1.1 GB of memory."
OLD_TWIN = (
    "# # Title\n#\n# **Time and place**: 1 to 2 minutes to run, 30 minutes to read and do. No GPU, no network,\n"
    "# about 1 GB of memory.\n\n# %%\nprint(1)\n"
)


def markdown(source: str, *tags: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tags)})


def code(source: str, *tags: str, figures: int = 0) -> NotebookNode:
    picture = nbformat.v4.new_output("display_data", {"image/png": "", "text/plain": "a figure"})
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}, outputs=[picture] * figures)


def book(*cells: NotebookNode) -> NotebookNode:
    return nbformat.from_dict({"cells": cells})


def read(*cells: NotebookNode) -> int:
    return notebook_minutes.minutes(book(*cells)).read


def words(number: int) -> NotebookNode:
    return markdown("word " * number)


def lines(number: int, *tags: str) -> NotebookNode:
    return code("x = 1\n" * number, *tags)


@pytest.mark.parametrize(
    ("cells", "expected"),
    {
        "nothing": ([], 0),
        "150 words a minute": ([words(750)], 5),
        "one word more is rounded up": ([words(751)], 10),
        "8 lines a minute": ([lines(40)], 5),
        "one line more is rounded up": ([lines(41)], 10),
        "parts of a minute are added up before rounding": ([words(75), lines(36)], 5),
        "a minute a figure": ([code("", figures=1)] * 5, 5),
        "six figures": ([code("", figures=1)] * 6, 10),
        "10 an exercise": ([code("", "exercise")], 10),
        "2 a prediction": ([code("", "predict")] * 5, 10),
        "3 a question to explain, and its word": ([markdown("#### Explain")] * 5, 20),
        "all of it, to the last fifth of a minute": (
            [words(28), lines(6), code("# ...", "exercise"), code("", "predict"), markdown("### Explain: why?")],
            20,
        ),
    }.values(),
)
def test_minutes_worked_by_hand(cells: list[NotebookNode], expected: int) -> None:
    assert read(*cells) == expected


@pytest.mark.parametrize(
    "unread",
    [
        lines(1, "guard"),
        lines(1, "check"),
        lines(1, "nbval-skip"),
        code("# a comment\n\n   # and another\n"),
        markdown("## | --- | - *"),
        markdown("```python\nx = 1  # words words\n# no heading\n```"),
        markdown('<a href="x y z">'),
        markdown(FORM),
    ],
    ids=["guard", "check", "nbval-skip", "comments", "signs", "fenced code", "tags", "header"],
)
def test_what_nobody_reads_takes_no_time(unread: NotebookNode) -> None:
    assert read(words(750), *[unread] * 50) == 5


def test_a_tag_that_hides_code_hides_no_figure() -> None:
    assert read(words(750), code("", "nbval-skip", figures=1)) == 10


def test_links_count_their_words_and_not_their_addresses() -> None:
    assert read(markdown("[two words](../a%20file.ipynb) https://example.org/ " * 375)) == 5


OPEN_TASK = markdown("### Open task: a rubric (45 minutes)\n\n" + "word " * 150)


def test_an_open_task_is_apart_with_all_that_belongs_to_it() -> None:
    below = [markdown("#### Rubric\n\n" + "word " * 150), lines(80), code("", "exercise", figures=1), words(150)]
    notebook = book(words(750), OPEN_TASK, *below)
    assert notebook_minutes.minutes(notebook) == Minutes(read=5, open_tasks=45)


@pytest.mark.parametrize("level", ["#", "##", "###"])
def test_an_open_task_ends_at_the_next_heading_of_its_level(level: str) -> None:
    assert read(OPEN_TASK, markdown(f"{level} Summary\n\n" + "word " * 750)) == 10  # the heading is the 751st word
    assert read(markdown(OPEN_TASK.source + f"\n\n{level} Summary\n\n" + "word " * 749)) == 5


def test_open_tasks_are_added_up() -> None:
    notebook = book(OPEN_TASK, markdown("### Open task: two (30 minutes)"))
    assert notebook_minutes.minutes(notebook) == Minutes(read=0, open_tasks=75)


@pytest.mark.parametrize("heading", ["### Open task: a rubric", "# Open task (an hour)", "# Open task (0 minutes)"])
def test_an_open_task_without_minutes_is_refused(heading: str) -> None:
    with pytest.raises(ValueError, match="does not say how long"):
        read(markdown(heading))


def test_the_header_has_one_form() -> None:
    assert notebook_minutes.header("1 minute", Minutes(50, 45), 1.1) == FORM
    assert notebook_minutes.header("1 minute", Minutes(50, 0), 1.08) == LINE
    assert notebook_minutes.parse(FORM) == Header("1 minute", Minutes(50, 45), 1.1)
    assert notebook_minutes.parse(LINE) == Header("1 minute", Minutes(50, 0), 1.1)


def test_an_older_twin_is_read_and_put_on_one_line() -> None:
    assert notebook_minutes.parse(OLD_TWIN) == Header("1 to 2 minutes", Minutes(30, 0), 1.0)
    new = notebook_minutes.rewritten(OLD_TWIN, Minutes(35, 30), 1.04)
    assert new == (
        "# # Title\n#\n# **Time and place**: 1 to 2 minutes to run, 35 minutes to read and do, 30 more for the open "
        "task. No GPU, no network, 1.0 GB of memory.\n\n# %%\nprint(1)\n"
    )


@pytest.mark.parametrize("broken", [i for i, letter in enumerate(LINE) if letter == " "])
def test_a_line_may_be_broken_anywhere_in_a_twin_and_in_a_cell(broken: int) -> None:
    for gap in ("\n", "\n# "):
        text = f"# A\n{LINE[:broken]}{gap}{LINE[broken + 1 :]} More."
        assert notebook_minutes.rewritten(text, Minutes(50, 0), None) == f"# A\n{LINE} More."


def test_what_was_built_again_stays_as_it_is() -> None:
    for measured in (None, 1.0, 1.1, 1.2):
        assert notebook_minutes.rewritten(f"a\n{LINE}\nb", Minutes(50, 0), measured) == f"a\n{LINE}\nb"


@pytest.mark.parametrize("measured", [0.96, 1.24, 2.0])
def test_memory_that_was_measured_elsewhere_is_written_down(measured: float) -> None:
    new = notebook_minutes.rewritten(LINE, Minutes(50, 0), measured)
    assert notebook_minutes.parse(new).memory_gb == round(measured, 1)


def test_without_a_measurement_the_memory_keeps_its_words() -> None:
    assert "no network, about 1 GB of memory" in notebook_minutes.rewritten(OLD_TWIN, Minutes(35, 0), None)


@pytest.mark.parametrize("text", ["", "# Title", LINE.replace("to run", "to wait"), LINE.replace("1.1 GB", "some GB")])
def test_a_text_without_the_line_is_refused_with_the_form(text: str) -> None:
    for call in (notebook_minutes.parse, lambda text: notebook_minutes.rewritten(text, Minutes(5, 0), 1.0)):
        with pytest.raises(ValueError, match="1 minute to run, 50 minutes to read and do, 45 more for the open task"):
            call(text)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_committed_header_says_what_the_rule_gives(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cell = next(cell.source for cell in notebook.cells if "**Time and place**" in cell.source)
    stands = notebook_minutes.parse(cell)
    assert notebook_minutes.header(*stands) in cell.splitlines(), "one line, in the one form: run `make notebooks`"
    assert stands.minutes == notebook_minutes.minutes(notebook), "run `make notebooks`"
