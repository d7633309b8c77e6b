"""What a notebook asks of its reader without a check: predictions, questions to explain, and open tasks.

A code cell tagged `predict` asks for a prediction. "Explain" and "Open task" are headings in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbformat import NotebookNode


@dataclass(frozen=True)
class Explanation:
    """A question to be answered in words, with its folded model answer; an empty answer means that there is none."""

    title: str
    question: str
    answer: str


@dataclass(frozen=True)
class OpenTask:
    """A task without a check: its minutes, None if it states none, and what the rows of its rubric ask for."""

    title: str
    minutes: int | None
    rubric: tuple[str, ...]


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether the cell carries the tag."""
    return tag in cell.metadata.get("tags", [])


def predictions(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells tagged `predict`, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and tagged(cell, "predict")]


def explanations(notebook: NotebookNode) -> list[Explanation]:
    """The sections under a heading with "Explain", with what is folded in their <details>."""
    found = []
    for title, body in sections(notebook, "Explain"):
        question, _, rest = body.partition("<details>")
        folded = re.sub(r"(?s)<summary>.*?</summary>", "", rest.partition("</details>")[0])
        found.append(Explanation(title, question.strip(), folded.strip()))
    return found


def open_tasks(notebook: NotebookNode) -> list[OpenTask]:
    """The sections under a heading with "Open task", with their minutes and the first cells of their rubric's rows."""
    found = []
    for title, body in sections(notebook, "Open task"):
        minutes = re.search(r"(\d+)\s*(?:minutes|min)\b", f"{title}\n{body}")
        table = re.search(r"(?m)^\|.*\|\s*\n\|[\s:|-]+\|\s*\n((?:\|.*\|\s*\n?)+)", body + "\n")
        rows = table[1].strip().splitlines() if table else []
        rubric = tuple(row.strip("| ").split("|")[0].strip() for row in rows)
        found.append(OpenTask(title, int(minutes[1]) if minutes else None, rubric))
    return found


def sections(notebook: NotebookNode, words: str) -> list[tuple[str, str]]:
    """Title and text, up to the next heading, of every section of the markdown whose title holds the words."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    parts = re.split(r"(?m)^#{1,6} +(.*)$", text)
    return [(title.strip(), body) for title, body in zip(parts[1::2], parts[2::2], strict=True) if words in title]
