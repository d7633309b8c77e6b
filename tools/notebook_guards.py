"""What every committed notebook must hold. Each guard yields one message per fault: what is wrong and what to do.

A guard takes a `Committed` notebook and looks at the raw file: nothing is repaired on reading.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .notebook_exercises import exercises, tagged
from .notebook_numbers import CITATION, quoted_without_evidence
from .notebooks import NOTEBOOK_METADATA, carry_over, from_twin, inputs
from .printed_numbers import Tolerance

LINES, COLUMNS, CODE_CELLS_IN_A_ROW, BYTES, SKIPS, ALT_WORDS = 20, 88, 2, 600_000, 2, 5
SAYS_ONLY_A_VERDICT = re.compile(r"\s*(?:(?:[^:,;|]*:\s*)?\[?\s*(?:np\.)?(?:True|False)_?[\],;|\s]*)+")
# What a guard's condition may call beside the names of its values.
PURE = {"abs", "all", "any", "float", "int", "len", "max", "min", "np", "round", "set", "sorted", "sum", "zip"}
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
    """A code cell has at most 20 lines of at most 88 columns (JupyterLab cuts wider ones off); the file 600 KB."""
    for where, cell in committed.cells("code"):
        lines = cell.source.splitlines()
        if len(lines) > LINES:
            yield f"{where} has {len(lines)} lines, expected at most {LINES}: split it where one idea ends."
        widest = max(map(len, lines), default=0)
        if widest > COLUMNS:
            yield f"{where} has a line of {widest} columns, expected at most {COLUMNS}: break it."
    n_bytes = committed.path.stat().st_size
    if n_bytes >= BYTES:
        yield f"{committed.path.name} has {n_bytes:,} bytes, expected below {BYTES:,}: smaller or fewer figures."


def text_between_code(committed: Committed) -> Iterator[str]:
    """At most two code cells stand in a row; guards and widget cells, which nobody has to read, are not counted."""
    row = 0
    for position, cell in enumerate(committed.notebook.cells, 1):
        if cell.cell_type == "markdown":
            row = 0
        elif not tagged(cell, "guard") and not tagged(cell, "nbval-skip"):
            row += 1
            if row > CODE_CELLS_IN_A_ROW:
                yield (
                    f"{committed.path.name}, cell {position} is code cell {row} in a row, expected at most "
                    f"{CODE_CELLS_IN_A_ROW}: say between them what comes next."
                )


def results_are_shown(committed: Committed) -> Iterator[str]:
    """No line of an output says only True or False: what was measured is printed, and a guard judges it."""
    for where, output in committed.outputs():
        for line in text_of(output).splitlines():
            if SAYS_ONLY_A_VERDICT.fullmatch(line):
                yield f"{where} prints {line.strip()!r}: print the value that was measured, and judge it in a guard."
        for verdict in re.findall(r"<td>\s*(True|False)\s*</td>", output.get("data", {}).get("text/html", "")):
            yield f"{where} has a table that says {verdict}: show the value that was measured."


def asserts_are_guards(committed: Committed) -> Iterator[str]:
    """Teaching cells hold no assert, which punishes a learner who changes something. The tag `lesson` excepts one."""
    for where, cell in committed.cells("code"):
        if not tagged(cell, "lesson") and re.search(r"(?m)^\s*assert\b", cell.source):
            yield f"{where} asserts: print the value, and put the claim into a guard cell behind it."


def guards_are_claims(committed: Committed) -> Iterator[str]:
    """A guard cell is one call, guard("sentence", condition, name=value, ...), whose condition can be judged again."""
    for where, cell in committed.cells("code"):
        if not tagged(cell, "guard"):
            if re.search(r"(?m)^\s*(course_lib\.)?guard\(", cell.source):
                yield f"{where} calls guard: give it a cell of its own, tagged `guard`."
            continue
        fault = _fault_of_guard(cell.source)
        if fault:
            yield f"{where} {fault}"
        if cell.outputs:
            yield f"{where} is a guard and shows something: its claim does not hold, or it does more than to judge."


def _fault_of_guard(source: str) -> str:
    """What is wrong with the source of a guard cell; empty when nothing is."""
    body = ast.parse(source).body
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if not isinstance(call, ast.Call) or ast.unparse(call.func).split(".")[-1] != "guard" or len(call.args) != 2:
        return 'is no single call: guard("sentence", condition, name=value).'
    sentence, condition = call.args
    if not (isinstance(sentence, ast.Constant) and isinstance(sentence.value, str) and len(sentence.value.split()) > 2):
        return "has no sentence: state in words what the text claims, as a plain string."
    known = {keyword.arg for keyword in call.keywords} | PURE
    bound = {node.id for node in ast.walk(condition) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    unknown = sorted(
        {node.id for node in ast.walk(condition) if isinstance(node, ast.Name)} - known - bound,
    )
    return (
        f"judges {', '.join(unknown)} without giving them as values: guard(..., {unknown[0]}=...)." if unknown else ""
    )


def tolerances_are_readable(committed: Committed) -> Iterator[str]:
    """A tolerance is written as the comparison reads it."""
    for where, cell in committed.cells("code"):
        try:
            Tolerance.parse(cell.metadata.get("tolerance", "0.1"))
        except ValueError as error:
            yield f"{where}: {error}"


def names_keep_their_kind(committed: Committed) -> Iterator[str]:
    """A name that is a function in one cell is no result in another: a cell that is run again would break."""
    functions: dict[str, str] = {}
    results: dict[str, str] = {}
    for where, cell in committed.cells("code"):
        for node in _statements(cell.source):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                functions.setdefault(node.name, where)
            elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.For, ast.With)):
                for name in _bound(node):
                    results.setdefault(name, where)
    for name in sorted(set(functions) & set(results)):
        yield f"{results[name]} binds {name} to a result, and {functions[name]} to a function: use two names."


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:  # a magic
        return []


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement at a cell's top level binds, not those inside a function of it."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


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
    """Behind a figure stands the guard of its claim: pictures are not compared.

    A picture that claims nothing, such as a photograph of the input, carries the tag `illustration`.
    """
    cells = list(committed.cells("code"))
    for index, (where, cell) in enumerate(cells):
        drawn = any("image/png" in output.get("data", {}) for output in cell.outputs)
        if not drawn or tagged(cell, "illustration") or tagged(cell, "nbval-skip"):
            continue
        beside = [tagged(neighbour, "guard") for _, neighbour in cells[index + 1 : index + 3]]
        if not any(beside):
            yield f"{where} draws a figure, but no guard stands behind it: add it, or tag the cell `illustration`."


def sliders_leave_a_picture(committed: Committed) -> Iterator[str]:
    """A cell with a widget stores a still picture, for those who read without a kernel."""
    for where, cell in committed.cells("code"):
        if re.search(r"\bviz\.slider\(", cell.source):
            if not any("image/png" in output.get("data", {}) for output in cell.outputs):
                yield f"{where} has a slider and stores no picture of it: `make notebooks`."


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
    if not re.search(r"(?m)^(\*\*Next\*\*|Next)[ :]", committed.prose):
        yield f'{committed.path.name} does not say where to go on: end it with a paragraph "**Next**: notebook ...".'


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
        text_between_code,
        results_are_shown,
        asserts_are_guards,
        guards_are_claims,
        tolerances_are_readable,
        names_keep_their_kind,
        only_png,
        pictures_have_alt_text,
        figures_have_claims,
        sliders_leave_a_picture,
        skips_are_few_and_explained,
        nbval_can_compare,
        header_is_complete,
        sections_are_complete,
        exercises_are_open,
        twin_says_the_same,
        file_is_normal,
    )
}
