"""What every committed notebook must hold. Each guard yields one message per fault: what is wrong and what to do.

A guard takes a `Committed` notebook and looks at the raw file: nothing is repaired on reading.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .notebook_exercises import exercises, tagged
from .notebook_numbers import CITATION, quoted_without_evidence
from .notebooks import NOTEBOOK_METADATA, carry_over, from_twin, inputs

CELLS, MEDIAN_LINES, BYTES, SKIPS, ALT_WORDS = (25, 45), 8, 500_000, 2, 5
NBVAL_TAGS = ("nbval-skip", "nbval-ignore-output", "raises-exception", "nbval-raises-exception")


@dataclass(frozen=True)
class Committed:
    """A notebook file as it lies in the repository."""

    path: Path
    notebook: NotebookNode

    @classmethod
    def load(cls, path: Path) -> Committed:
        """Read a notebook without nbformat's repairs, which would hide doubled cell ids."""
        return cls(path, nbformat.v4.reads(path.read_text(encoding="utf-8")))

    @property
    def twin(self) -> Path:
        """The text twin, notebooks/text/NAME.py."""
        return self.path.parent / "text" / f"{self.path.stem}.py"

    def cells(self, kind: str) -> Iterator[tuple[str, NotebookNode]]:
        """Cells of a kind, each with the words by which a message names it; the first cell is cell 1."""
        for position, cell in enumerate(self.notebook.cells, 1):
            if cell.cell_type == kind:
                yield f"{self.path.name}, cell {position}", cell

    def outputs(self) -> Iterator[tuple[str, NotebookNode]]:
        """Outputs of all code cells, each with the words that name its cell."""
        return ((where, output) for where, cell in self.cells("code") for output in cell.outputs)

    @property
    def prose(self) -> str:
        """All markdown, without fenced code."""
        return "\n\n".join(re.sub(r"(?ms)^```.*?^```", "", cell.source) for _, cell in self.cells("markdown"))

    @property
    def header(self) -> str:
        """The markdown before the first code cell."""
        kinds = [cell.cell_type for cell in self.notebook.cells]
        end = kinds.index("code") if "code" in kinds else len(kinds)
        return "\n\n".join(cell.source for cell in self.notebook.cells[:end])


def text_of(output: NotebookNode) -> str:
    """Every text of an output: stream, traceback, and all MIME types that are not pictures."""
    data = output.get("data", {})
    parts = [output.get("text", ""), *output.get("traceback", [])]
    parts += [str(value) for kind, value in data.items() if not kind.startswith("image/")]
    return "\n".join(parts)


def executed(committed: Committed) -> Iterator[str]:
    """Every code cell was run. Without stored outputs nbval has nothing to compare and passes anything."""
    for where, cell in committed.cells("code"):
        if not cell.source.strip():
            yield f"{where} is empty: delete it."
        elif cell.execution_count is None:
            yield f"{where} was not executed: run `make notebooks`."


def counts_in_order(committed: Committed) -> Iterator[str]:
    """The execution counts are 1, 2, 3, ...: one run from top to bottom in a fresh kernel."""
    counts = [cell.execution_count for _, cell in committed.cells("code")]
    if counts != list(range(1, len(counts) + 1)):
        yield f"{committed.path.name} has the execution counts {counts}, expected 1 to {len(counts)}: `make notebooks`."


def no_errors(committed: Committed) -> Iterator[str]:
    """No output is an error, not even an expected one: show that in text, or catch and print it."""
    for where, output in committed.outputs():
        if output.output_type == "error":
            yield f"{where} stores {output.ename}: {output.evalue}. Mend the cell, then `make notebooks`."


def no_machine_paths(committed: Committed) -> Iterator[str]:
    """No output holds a path of the machine it was made on."""
    folders = r"(?<![\w.~<:/])/(?:(?:[\w.+-]+/)+[\w.+-]*|(?:home|root|tmp|Users)\b)"
    pattern = re.compile(rf"{folders}|\b[A-Za-z]:\\[^\s'\"]*")
    for where, output in committed.outputs():
        for path in sorted(set(pattern.findall(text_of(output)))):
            yield f"{where} prints the path {path}: print a relative path, or mend what the warning is about."


def numbers_are_computed(committed: Committed) -> Iterator[str]:
    """Prose quotes no number that no cell computes, loads or sets; the rule is in tools/notebook_numbers.py."""
    code = [cell.source for _, cell in committed.cells("code")]
    outputs = [text_of(output) for _, output in committed.outputs()]
    cells = [(cell.cell_type, cell.source) for cell in committed.notebook.cells]
    for position, quoted in quoted_without_evidence(cells, code, outputs):
        yield (
            f"{committed.path.name}, cell {position} quotes {quoted!r}, which no cell prints or sets: print it in a "
            'cell, cite its paper as (Name, year), or move it under "What the papers report".'
        )


def size_is_readable(committed: Committed) -> Iterator[str]:
    """25 to 45 cells, a median of at most 8 lines in a code cell, below 500 KB."""
    n_cells, n_bytes = len(committed.notebook.cells), committed.path.stat().st_size
    lines = [sum(bool(line.strip()) for line in cell.source.splitlines()) for _, cell in committed.cells("code")]
    if not CELLS[0] <= n_cells <= CELLS[1]:
        yield f"{committed.path.name} has {n_cells} cells, expected {CELLS[0]} to {CELLS[1]}."
    median = statistics.median(lines) if lines else 0
    if median > MEDIAN_LINES:
        yield f"{committed.path.name}: the median code cell has {median:g} lines, expected at most {MEDIAN_LINES}."
    if n_bytes >= BYTES:
        yield f"{committed.path.name} has {n_bytes:,} bytes, expected below {BYTES:,}: smaller or fewer figures."


def only_png(committed: Committed) -> Iterator[str]:
    """Pictures are PNG: shown by every reader, and not compared by nbval."""
    for where, output in committed.outputs():
        kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/") and kind != "image/png"]
        html = output.get("data", {}).get("text/html", "")
        kinds += re.findall(r"data:(image/(?!png)[\w+.-]+)", html) + ["inline svg"] * ("<svg" in html)
        if kinds:
            yield f"{where} stores {', '.join(kinds)}: show figures as PNG."


def pictures_have_alt_text(committed: Committed) -> Iterator[str]:
    """Every PNG output carries its description in metadata["image/png"]["alt"], where nbconvert looks for it."""
    for where, output in committed.outputs():
        if "image/png" in output.get("data", {}):
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            if len(alt.split()) < ALT_WORDS:
                yield (
                    f"{where} shows a picture with the alt text {alt!r}: say in {ALT_WORDS} words or more what it "
                    'shows, with display(figure, metadata={"image/png": {"alt": "..."}}).'
                )


def figures_have_claims(committed: Committed) -> Iterator[str]:
    """Beside a figure its claim is asserted on the data: in its cell, or in the code cell before or after it.

    A picture that claims nothing, such as a photograph of the input, carries the tag `illustration`.
    """
    cells = list(committed.cells("code"))
    for index, (where, cell) in enumerate(cells):
        drawn = any("image/png" in output.get("data", {}) for output in cell.outputs)
        beside = (neighbour.source for _, neighbour in cells[max(0, index - 1) : index + 2])
        if drawn and not tagged(cell, "illustration") and not any(re.search(r"\bassert\b", code) for code in beside):
            yield f"{where} draws a figure, but no cell beside it asserts its claim: add it, or tag it `illustration`."


def skips_are_few_and_explained(committed: Committed) -> Iterator[str]:
    """At most 2 cells keep nbval out, each by a tag and each with its reason in the metadata `skip_reason`."""
    n_skips = 0
    for where, cell in committed.cells("code"):
        if re.search(r"(?m)^\s*#\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$", cell.source):
            yield f"{where} steers nbval with a comment: use the tag instead, it is counted."
        if any(tagged(cell, tag) for tag in NBVAL_TAGS):
            n_skips += 1
            if len(str(cell.metadata.get("skip_reason", "")).split()) < 3:
                yield f'{where} keeps nbval out without a reason: add skip_reason="..." to its metadata.'
    if n_skips > SKIPS:
        yield f"{committed.path.name} keeps nbval out of {n_skips} cells, at most {SKIPS}: check plain functions."


def nbval_can_compare(committed: Committed) -> Iterator[str]:
    """No checked cell does what nbval cannot compare: a trailing semicolon, or output that is cleared or redirected."""
    for where, cell in committed.cells("code"):
        if any(tagged(cell, tag) for tag in NBVAL_TAGS):
            continue
        if cell.source.rstrip().endswith(";"):
            yield f"{where} ends with a semicolon, which nbval does not follow: assign the result to `_` instead."
        found = re.search(r"\b(clear_output|interact|interactive|interactive_output|Output)\(", cell.source)
        if found:
            yield f"{where} calls {found[1]}: call the plain function in a checked cell, tag this one `nbval-skip`."


def header_is_complete(committed: Committed) -> Iterator[str]:
    """The first cell is a markdown title; before any code come what you will learn, what you need, and the minutes."""
    if not committed.notebook.cells or not committed.header.startswith("# "):
        yield f"{committed.path.name} does not begin with a markdown cell that opens with `# Title`."
    wanted = {
        "What you will learn": r"what you will learn",
        "What you need before": r"what you need|prerequisite",
        "the time, as in '2 minutes'": r"\d+\s+(minute|second)",
    }
    for label, pattern in wanted.items():
        if not re.search(pattern, committed.header, re.IGNORECASE):
            yield f"{committed.path.name} does not state {label} before its first code cell."


def sections_are_complete(committed: Committed) -> Iterator[str]:
    """There are exercises, a summary, "What the papers report" with a source, and a link to the solutions."""
    for title in ("Exercise", "Summary", "What the papers report"):
        if not re.search(rf"(?im)^#+ .*{title}", committed.prose):
            yield f'{committed.path.name} has no heading "{title}".'
    papers = re.search(r"(?ims)^#+ [^\n]*what the papers report(.*?)(?=^#|\Z)", committed.prose)
    if papers and not re.search(rf"{CITATION}|https?://", papers[1]):
        yield f'{committed.path.name}: "What the papers report" names no source: add a link or (Name, year).'
    if f"solutions/{committed.path.stem}.py" not in committed.prose:
        yield f"{committed.path.name} does not link to its solutions: [solutions](solutions/{committed.path.stem}.py)."


def exercises_are_open(committed: Committed) -> Iterator[str]:
    """Every exercise has its check, and the committed one is not solved: its check says "not done yet"."""
    try:
        found = exercises(committed.path.name, committed.notebook)
    except ValueError as error:
        yield f"{error} Tag the cells `imports`, `exercise` and `check`."
        return
    if not found:
        yield f"{committed.path.name} has no cell tagged `exercise` with one tagged `check` after it."
    for number, exercise in enumerate(found, 1):
        if "not done yet" not in exercise.check_output:
            yield f"{committed.path.name}, exercise {number} is solved: put `...` back, then `make notebooks`."


def twin_says_the_same(committed: Committed) -> Iterator[str]:
    """The notebook and its text twin hold the same cells."""
    if not committed.twin.exists():
        yield f"{committed.path.name} has no twin text/{committed.twin.name}: `{carry_over(committed.path.stem)}`."
        return
    ours, theirs = inputs(committed.notebook), inputs(from_twin(committed.twin))
    if len(ours) != len(theirs):
        yield f"{committed.path.name} has {len(ours)} cells and its twin {len(theirs)}: `make notebooks`."
    differing = [position for position, pair in enumerate(zip(ours, theirs, strict=False), 1) if pair[0] != pair[1]]
    if differing:
        yield f"{committed.path.name} and its twin differ, first in cell {differing[0]}: `make notebooks`."


def file_is_normal(committed: Committed) -> Iterator[str]:
    """Format 4.5 with distinct cell ids, and no metadata of a machine, a widget or a run."""
    notebook = committed.notebook
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"{committed.path.name} has format {notebook.nbformat}.{notebook.nbformat_minor}, expected 4.5."
    if notebook.metadata != NOTEBOOK_METADATA:
        yield f"{committed.path.name} carries other metadata than `make notebooks` writes: run it."
    ids = [cell.get("id") for cell in notebook.cells]
    for identifier in sorted(
        {str(identifier) for identifier in ids if identifier is None or ids.count(identifier) > 1}
    ):
        yield f"{committed.path.name} has a missing or doubled cell id, {identifier}: run `make notebooks`."


GUARDS: dict[str, Callable[[Committed], Iterator[str]]] = {
    guard.__name__: guard
    for guard in (
        executed,
        counts_in_order,
        no_errors,
        no_machine_paths,
        numbers_are_computed,
        size_is_readable,
        only_png,
        pictures_have_alt_text,
        figures_have_claims,
        skips_are_few_and_explained,
        nbval_can_compare,
        header_is_complete,
        sections_are_complete,
        exercises_are_open,
        twin_says_the_same,
        file_is_normal,
    )
}
