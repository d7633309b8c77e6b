"""The guards hold for every committed notebook, and each of them fails on a notebook spoilt in its way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from tools.notebook_guards import GUARDS, Committed
from tools.notebooks import NOTEBOOKS

COMMITTED = sorted(NOTEBOOKS.glob("*.ipynb"))


def test_there_are_notebooks_and_none_has_lost_its_twin_or_its_notebook() -> None:
    assert COMMITTED, f"no notebook in {NOTEBOOKS}: run `make notebooks`"
    assert {path.stem for path in (NOTEBOOKS / "text").glob("*.py")} == {path.stem for path in COMMITTED}


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_notebook(path: Path, guard: Callable) -> None:
    faults = list(guard(Committed.load(path)))
    assert not faults, "\n".join(["", *faults])


@pytest.mark.slow
@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_the_sample_keeps_every_rule(guard: Callable, sample: Committed) -> None:
    assert list(guard(sample)) == []


def code(notebook: NotebookNode, index: int) -> NotebookNode:
    return [cell for cell in notebook.cells if cell.cell_type == "code"][index]


def stream(text: str, name: str = "stdout") -> NotebookNode:
    return nbformat.v4.new_output("stream", name=name, text=text)


def shows(**data: str) -> NotebookNode:
    return nbformat.v4.new_output("display_data", data={kind.replace("__", "/"): value for kind, value in data.items()})


def prose(text: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.insert(6, nbformat.v4.new_markdown_cell(text))


def prints(output: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda notebook: code(notebook, 0).outputs.append(output)


def source(index: int, text: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: code(notebook, index).update(source=text)


def tags(index: int, *names: str, **metadata: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: code(notebook, index).metadata.update(tags=list(names), **metadata)


def rewrite(old: str, new: str) -> Callable[[NotebookNode], None]:
    def spoil(notebook: NotebookNode) -> None:
        assert any(old in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)

    return spoil


def drop_alt(notebook: NotebookNode) -> None:
    code(notebook, 1).outputs[0].metadata = {}


# (guard, how the sample is spoilt, what the message must say)
BAD = [
    ("executed", lambda nb: code(nb, 2).update(execution_count=None), "cell 5 was not executed: run `make notebooks`"),
    ("executed", source(2, ""), "cell 5 is empty: delete it"),
    ("counts_in_order", lambda nb: code(nb, 2).update(execution_count=7), r"counts \[1, 2, 7, 4"),
    (
        "no_errors",
        prints(nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])),
        "cell 2 stores ValueError: no",
    ),
    ("no_machine_paths", prints(stream("see /home/ann/x.py:3: UserWarning", "stderr")), "the path /home/ann/x.py"),
    ("no_machine_paths", prints(stream("/Users/ann/x")), "the path /Users/ann/x"),
    ("no_machine_paths", prints(stream("in /root")), "the path /root"),
    ("no_machine_paths", prints(stream("in /tmp/ipykernel_3/4.py")), "the path /tmp/ipykernel_3/4.py"),
    ("no_machine_paths", prints(stream(r"C:\Users\ann\x.py")), r"the path C:\\Users\\ann\\x.py"),
    ("no_machine_paths", prints(shows(text__plain="'/opt/venv/lib/site-packages/numpy'")), "the path /opt/venv/lib"),
    ("no_machine_paths", prints(shows(text__html="<td>/srv/data/faces</td>")), "the path /srv/data/faces"),
    ("numbers_are_computed", prose("It reaches 98.3 %."), "cell 7 quotes '98.3 %', which no cell prints"),
    ("size_is_readable", source(2, "x = 1\n" * 21), "cell 5 has 21 lines, expected at most 20"),
    ("size_is_readable", source(2, "x" * 89), "cell 5 has a line of 89 columns, expected at most 88"),
    ("size_is_readable", prints(stream("x" * 600_000)), "expected below 600,000"),
    ("text_between_code", lambda nb: [nb.cells.pop(6), nb.cells.pop(6)], "is code cell 3 in a row, expected at most 2"),
    ("results_are_shown", prints(stream("it is higher: True\n")), "cell 2 prints 'it is higher: True'"),
    ("results_are_shown", prints(stream("ok\n  [ True False]\n")), r"cell 2 prints '\[ True False\]'"),
    ("results_are_shown", prints(stream("a: True, b: np.False_")), "cell 2 prints"),
    ("results_are_shown", prints(shows(text__html="<tr><td>True</td></tr>")), "has a table that says True"),
    ("asserts_are_guards", source(2, "x = 1\nassert x"), "cell 5 asserts"),
    ("guards_are_claims", source(3, "guard('it falls', x > 3, x=x)\nprint(x)"), "cell 6 is no single call"),
    ("guards_are_claims", source(3, "guard(f'it falls by {x}', x > 3, x=x)"), "cell 6 has no sentence"),
    ("guards_are_claims", source(3, "guard('it falls far down', x > y, x=x)"), "cell 6 judges y without giving"),
    ("guards_are_claims", source(2, "guard('it falls far down', x > 3, x=x)"), "cell 5 calls guard"),
    ("guards_are_claims", lambda nb: code(nb, 3).outputs.append(stream("With your change")), "and shows something"),
    ("tolerances_are_readable", tags(2, tolerance="two points"), "cell 5: "),
    ("names_keep_their_kind", source(2, "drawn = 3"), "cell 5 binds drawn to a result, and sample.ipynb, cell 4"),
    ("only_png", prints(shows(image__jpeg="aGk=")), "stores image/jpeg"),
    ("only_png", prints(shows(image__svg_xml="<svg/>")), "stores image/svg_xml"),
    ("only_png", prints(shows(text__html="<svg></svg>")), "stores inline svg"),
    ("only_png", prints(shows(text__html="<img src='data:image/gif;base64,aGk='>")), "stores image/gif"),
    ("pictures_have_alt_text", drop_alt, "cell 4 shows a picture with the alt text ''"),
    ("figures_have_claims", tags(3), "cell 4 draws a figure, but no guard stands behind it"),
    ("sliders_leave_a_picture", lambda nb: code(nb, 11).update(outputs=[]), "has a slider and stores no picture"),
    ("skips_are_few_and_explained", tags(2, "nbval-ignore-output"), "cell 5 keeps nbval out without a reason"),
    ("skips_are_few_and_explained", source(2, "# NBVAL_SKIP\nx = 1"), "cell 5 steers nbval with a comment"),
    (
        "skips_are_few_and_explained",
        lambda nb: [tags(index, "nbval-skip", skip_reason="for one good reason")(nb) for index in (3, 4)],
        "keeps nbval out of 3 cells, at most 2",
    ),
    ("nbval_can_compare", source(2, "plt.plot(x);"), "cell 5 ends with a semicolon"),
    ("nbval_can_compare", source(2, "interact(f, x=3)"), "cell 5 calls interact"),
    ("nbval_can_compare", source(2, "display.clear_output()"), "cell 5 calls clear_output"),
    ("header_is_complete", lambda nb: nb.cells.insert(0, nb.cells.pop(1)), "does not begin with a markdown cell"),
    ("header_is_complete", rewrite("# Angles", "## Angles"), "does not begin with a markdown cell"),
    ("header_is_complete", rewrite("What you will learn", "Contents"), "does not state What you will learn"),
    ("header_is_complete", rewrite("What you need before", "Basics"), "does not state What you need before"),
    ("header_is_complete", rewrite("1 minute", "Short"), "does not state the time"),
    ("sections_are_complete", rewrite("## Exercise 1", "## Try it"), 'no heading "Exercise"'),
    ("sections_are_complete", rewrite("## Summary", "Summary"), 'no heading "Summary"'),
    ("sections_are_complete", rewrite("What the papers report", "Papers"), 'no heading "What the papers report"'),
    ("sections_are_complete", rewrite("(Deng et al., 2019)", ""), "names no source"),
    ("sections_are_complete", rewrite("(solutions/sample.py)", "(elsewhere)"), "does not link to its solutions"),
    ("sections_are_complete", rewrite("**Next**", "Then"), "does not say where to go on"),
    ("exercises_are_open", tags(-1), "the last exercise has no cell tagged `check` after it"),
    ("exercises_are_open", tags(-2), "is tagged `check`, but no exercise cell comes before it"),
    ("exercises_are_open", tags(-3, "exercise"), "has no cell tagged `check`"),
    ("exercises_are_open", tags(0), "no cell is tagged `imports`"),
    ("exercises_are_open", lambda nb: [tags(-1)(nb), tags(-2)(nb)], "has no cell tagged `exercise`"),
    ("exercises_are_open", lambda nb: code(nb, -1).update(outputs=[stream("correct")]), "exercise 1 is solved"),
    ("twin_says_the_same", rewrite("right angles", "a right angle"), "differ, first in cell 3"),
    ("twin_says_the_same", tags(-1, "check", "extra"), "differ, first in cell 25"),
    ("twin_says_the_same", lambda nb: nb.cells.pop(), "has 26 cells and its twin 27"),
    ("file_is_normal", lambda nb: nb.cells[3].update(id=nb.cells[1].id), "doubled cell id, import-sys"),
    ("file_is_normal", lambda nb: nb.cells[3].pop("id"), "missing or doubled cell id, None"),
    ("file_is_normal", lambda nb: nb.metadata.update(widgets={}), "carries other metadata"),
    ("file_is_normal", lambda nb: nb.metadata.language_info.update(version="3.11.7"), "carries other metadata"),
    ("file_is_normal", lambda nb: nb.update(nbformat_minor=4), "has format 4.4, expected 4.5"),
]


@pytest.mark.slow
@pytest.mark.parametrize("name, spoil, message", BAD, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(BAD)])
def test_guard_sees_the_fault(name: str, spoil: Callable, message: str, sample: Committed, tmp_path: Path) -> None:
    spoil(sample.notebook)
    shutil.copytree(sample.path.parent / "text", tmp_path / "text")
    path = tmp_path / "sample.ipynb"
    path.write_text(nbformat.v4.writes(sample.notebook), encoding="utf-8")
    assert_raises_nothing_but(list(GUARDS[name](Committed.load(path))), message)


def assert_raises_nothing_but(faults: list[str], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert not faults, "\n".join(faults)
    assert all("sample.ipynb" in fault for fault in faults)


@pytest.mark.slow
def test_a_missing_twin_is_said(sample: Committed, tmp_path: Path) -> None:
    alone = Path(shutil.copy(sample.path, tmp_path))
    (fault,) = GUARDS["twin_says_the_same"](Committed.load(alone))
    assert "has no twin text/sample.py" in fault


def test_every_guard_is_proven() -> None:
    assert {name for name, _, _ in BAD} == set(GUARDS)


@pytest.mark.slow
def test_a_value_beside_a_verdict_and_a_folded_guard_are_fine(sample: Committed) -> None:
    prints(stream("higher by 3.2 points: True of 5\nTrue accept rate: 91 %\n"))(sample.notebook)
    assert list(GUARDS["results_are_shown"](sample)) == []
    assert code(sample.notebook, 3).metadata.jupyter == {"source_hidden": True}


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_guards_and_checks_are_folded_and_nothing_else_is(path: Path) -> None:
    for cell in Committed.load(path).notebook.cells:
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert folded == bool({"guard", "check"} & set(cell.metadata.get("tags", []))), cell.source


@pytest.mark.slow
def test_an_illustration_needs_no_claim(sample: Committed) -> None:
    tags(3)(sample.notebook)
    tags(1, "illustration")(sample.notebook)
    assert list(GUARDS["figures_have_claims"](sample)) == []


@pytest.mark.slow
def test_relative_paths_addresses_and_fractions_are_no_machine_paths(sample: Committed) -> None:
    for text in (
        "data/faces/ann.png",
        "https://host/home/ann/x",
        "<td>1</td>",
        "3 / 4",
        "image/png and/or text",
        "1:2",
    ):
        prints(stream(text))(sample.notebook)
    assert list(GUARDS["no_machine_paths"](sample)) == []
