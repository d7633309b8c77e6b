"""How long a notebook takes to read and do, by a stated rule, and the line of its header that says so.

    150 words of prose a minute, 8 lines of code a minute, 1 minute a figure,
    10 an exercise, 2 a prediction, 3 a question to explain; rounded up to 5 minutes

Blank lines and lines of comment do not count, nor does the code of cells that nobody reads: guards, checks, and cells
kept out of nbval, which hold sliders. A question to explain is a heading with "Explain". Open tasks are apart: their
headings, "### Open task: ... (45 minutes)", name their minutes, and the section below counts nowhere else. Nor does the
line of the header itself. The figures are found in the outputs of an executed notebook.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nbformat import NotebookNode

WORDS, LINES = 150, 8  # a minute
FIGURE, EXERCISE, PREDICT, EXPLAIN, STEP = 1, 10, 2, 3, 5  # minutes
UNREAD = {"guard", "check", "nbval-skip"}  # tags of cells whose code is not read
RULE = (
    f"{WORDS} words of prose a minute, {LINES} lines of code a minute, {FIGURE} minute for a figure, {EXERCISE} for an "
    f"exercise, {PREDICT} for a prediction and {EXPLAIN} for a question to explain, rounded up to {STEP} minutes"
)
FORM = (
    "**Time and place**: 1 minute to run, 50 minutes to read and do, 45 more for the open task. "
    "No GPU, no network, 1.1 GB of memory."
)

_FENCED = re.compile(r"(?ms)^```.*?^```[^\n]*")
_UNSPOKEN = re.compile(r"\]\([^)]*\)|https?://\S+|<[^<>]+>")  # addresses and HTML tags
_EXPLAIN = re.compile(r"#+ .*\bExplain\b")
_OPEN_TASK = re.compile(r"#+ Open task\b.*\((\d+) minutes\)\s*")
_GAP = r"(?:[ \t]+|[ \t]*\n(?:#[ \t]*)?)"  # between two words: a line of a twin's text begins with "# "
_HEADER = re.compile(
    (
        r"\*\*Time and place\*\*: (?P<run>[^,.]{1,40}?) to run, (?P<read>\d+) minutes to read and do"
        r"(?:, (?P<more>\d+) more for the open task)?\. No GPU, no network, (?P<memory>(?:about )?\d+(?:\.\d+)?) "
        r"GB of memory\."
    ).replace(" ", _GAP)
)


class Minutes(NamedTuple):
    """Minutes to read and do a notebook, and minutes of its open tasks, which come on top."""

    read: int
    open_tasks: int


class Header(NamedTuple):
    """What the line says: the time to run in its author's words, the minutes, and the memory in GB."""

    run: str
    minutes: Minutes
    memory_gb: float


def minutes(notebook: NotebookNode) -> Minutes:
    """Minutes of an executed notebook by the rule; ValueError for an open task whose heading names no minutes."""
    words = lines = spent = open_tasks = 0
    level = 0  # of the heading of the open task that we are in; 0 outside
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "markdown":
            for heading, text in _sections(cell.source):
                if heading and (not level or heading <= level):
                    task = _open_task(text)
                    open_tasks += task
                    level = heading if task else 0
                if not level:
                    words += _words(text)
                    spent += EXPLAIN * bool(_EXPLAIN.match(text))
        elif not level:
            lines += 0 if tags & UNREAD else _lines(cell.source)
            spent += FIGURE * any("image/png" in output.get("data", {}) for output in cell.outputs)
            spent += EXERCISE * ("exercise" in tags) + PREDICT * ("predict" in tags)
    # In whole numbers: a sum of fractions may end a hair above a multiple of five.
    total = words * LINES + lines * WORDS + spent * WORDS * LINES
    return Minutes(STEP * -(-total // (WORDS * LINES * STEP)), open_tasks)


def header(run: str, minutes: Minutes, memory_gb: float) -> str:
    """The line of a header, in the one form that all notebooks have."""
    return _header(run, minutes, f"{memory_gb:.1f}")


def parse(text: str) -> Header:
    """The header in a twin or in a cell's text, also one broken over two lines; ValueError where there is none."""
    found = _find(text)
    more = int(found["more"] or 0)
    return Header(_run(found), Minutes(int(found["read"]), more), _gigabytes(found["memory"]))


def rewritten(text: str, minutes: Minutes, memory_gb: float | None) -> str:
    """A twin or a cell's text with these minutes in its header, on one line; ValueError where there is no header.

    The memory changes only if it was measured more than 0.1 GB away from what stands there, or if "about" stands
    there: so a notebook that is built again stays as it is. None leaves it alone.
    """
    found = _find(text)
    memory = found["memory"]
    if memory_gb is not None and ("about" in memory or abs(memory_gb - _gigabytes(memory)) > 0.1 + 1e-9):
        memory = f"{memory_gb:.1f}"
    return text[: found.start()] + _header(_run(found), minutes, memory) + text[found.end() :]


def _header(run: str, minutes: Minutes, memory: str) -> str:
    more = f", {minutes.open_tasks} more for the open task" if minutes.open_tasks else ""
    return (
        f"**Time and place**: {run} to run, {minutes.read} minutes to read and do{more}. "
        f"No GPU, no network, {memory} GB of memory."
    )


def _find(text: str) -> re.Match[str]:
    found = _HEADER.search(text)
    if not found:
        raise ValueError(f"No header states time and memory. Expected a line of the form\n{FORM}")
    return found


def _run(found: re.Match[str]) -> str:
    return re.sub(_GAP, " ", found["run"])


def _gigabytes(memory: str) -> float:
    return float(memory.split()[-1])


def _sections(source: str) -> Iterator[tuple[int, str]]:
    """The parts of a markdown cell that begin with a heading, each with its level; 0 for what comes before the first.

    Code between fences is not prose, and its comments are no headings. The header's line is left out, too: it must not
    change what it states.
    """
    for part in re.split(r"(?m)^(?=#{1,6} )", _FENCED.sub("", _HEADER.sub("", source))):
        yield len(part) - len(part.lstrip("#")), part


def _open_task(section: str) -> int:
    """Minutes of an open task, from the heading that the section begins with; 0 for another section."""
    heading = section.splitlines()[0]
    if not re.match(r"#+ Open task\b", heading):
        return 0
    found = _OPEN_TASK.fullmatch(heading)
    if not found or not int(found[1]):
        raise ValueError(
            f'{heading!r} does not say how long it takes. Expected "### Open task: its title (45 minutes)".'
        )
    return int(found[1])


def _words(text: str) -> int:
    return sum(bool(re.search(r"\w", word)) for word in _UNSPOKEN.sub(" ", text).split())


def _lines(source: str) -> int:
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in source.splitlines())
