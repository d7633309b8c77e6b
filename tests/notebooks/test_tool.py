"""tools/notebooks.py: builds what the twin says, the same each time, and survives a broken notebook."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from tools import notebook_minutes, notebooks
from tools.notebook_guards import GUARDS, Committed

TOOL = Path(notebooks.__file__)


def make_folder(path: Path, **twins: str) -> Path:
    (path / "text").mkdir(parents=True)
    for name, code in twins.items():
        (path / "text" / f"{name}.py").write_text(code, encoding="utf-8")
    return path


def run_tool(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), "--folder", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)


def test_the_sample_is_executed_and_normal(sample: Committed) -> None:
    code = [cell for cell in sample.notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert sample.notebook.metadata == notebooks.NOTEBOOK_METADATA
    assert {key for cell in sample.notebook.cells for key in cell.metadata} == {
        "tags",
        "skip_reason",
        "tolerance",
        "jupyter",
    }
    assert "not done yet" in code[-1].outputs[0].text


def test_a_widget_leaves_a_sentence_and_no_state(sample: Committed) -> None:
    text = sample.path.read_text(encoding="utf-8")
    assert "Run this cell to use the widget." in text
    assert "model_id" not in text and "widget-view" not in text and "interactive(" not in text


def test_ids_come_from_the_first_line_and_survive_a_new_cell(tmp_path: Path) -> None:
    before = make_folder(tmp_path / "a", n="# %%\nprint(1)\n\n# %%\nx = 2\n\n# %%\nprint(1)\n") / "text/n.py"
    after = (
        make_folder(tmp_path / "b", n="# %%\nprint(1)\n\n# %%\nnew = 0\n\n# %%\nx = 2\n\n# %%\nprint(1)\n")
        / "text/n.py"
    )
    assert [cell.id for cell in notebooks.from_twin(before).cells] == ["print-1", "x-2", "print-1--2"]
    assert [cell.id for cell in notebooks.from_twin(after).cells] == ["print-1", "new-0", "x-2", "print-1--2"]


@pytest.mark.slow
def test_a_second_run_changes_nothing(sample_folder: Path, tmp_path: Path) -> None:
    text = (sample_folder / "text" / "sample.py").read_text(encoding="utf-8")
    folder = make_folder(tmp_path / "notebooks", sample=text)
    assert notebooks.main(["--folder", str(folder)]) == 0
    assert (folder / "sample.ipynb").read_bytes() == (sample_folder / "sample.ipynb").read_bytes()


@pytest.mark.slow
def test_minutes_and_memory_go_into_both_headers_and_stay_there(tmp_path: Path) -> None:
    line = "**Time and place**: 1 minute to run, 5 minutes to read and do. No GPU, no network, about 9 GB of memory."
    twin = f'# %% [markdown]\n# # Title\n#\n# {line}\n\n# %% tags=["exercise"]\ndef f(): ...\n'
    folder = make_folder(tmp_path, n=twin)
    assert notebooks.main(["--folder", str(folder)]) == 0
    text, built = (folder / "text" / "n.py").read_text(), nbformat.read(folder / "n.ipynb", as_version=4)
    stated = notebook_minutes.parse(text)
    assert stated == notebook_minutes.parse(built.cells[0].source) and stated.minutes.read == 15
    assert stated.memory_gb < 1 or sys.platform != "linux"
    assert list(GUARDS["twin_says_the_same"](Committed.load(folder / "n.ipynb"))) == []
    before = (folder / "n.ipynb").read_bytes()
    assert notebooks.main(["--folder", str(folder)]) == 0
    assert (folder / "text" / "n.py").read_text() == text and (folder / "n.ipynb").read_bytes() == before


@pytest.mark.slow
def test_a_failing_notebook_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    good = "# %%\nprint('fine')\n"
    bad = "# %% [markdown]\n# Title\n\n# %%\nx = 1\n\n# %%\nraise KeyError('lost')\n"
    dead = "# %%\nimport os\nos._exit(1)\n"
    folder = make_folder(tmp_path, a_bad=bad, b_good=good, c_dead=dead, d_good=good)
    (folder / "a_bad.ipynb").write_text("the old notebook", encoding="utf-8")
    os.utime(folder / "a_bad.ipynb", (0, 0))
    done = run_tool(folder, "--jobs", "2")
    assert done.returncode == 1, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "FAILED cell 3: KeyError: 'lost'" in lines["a_bad"]
    assert "FAILED cell 1: the kernel died with exit code 1" in lines["c_dead"]
    assert all(re.search(r"\d+\.\d s  written", lines[name]) for name in ("b_good", "d_good"))
    assert "2 of 4 notebooks failed: a_bad, c_dead" in done.stderr
    assert (folder / "a_bad.ipynb").read_text(encoding="utf-8") == "the old notebook"
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "a_bad.ipynb",
        "b_good.ipynb",
        "d_good.ipynb",
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_kernel_that_dies_is_named_at_once_with_signal_and_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder(tmp_path, dead="# %%\nimport os\n\n# %%\nos.kill(os.getpid(), 11)\n\n# %%\nprint(1)\n")
    started = time.monotonic()
    assert notebooks.main(["--folder", str(folder), "--timeout", "3600"]) == 1
    assert "FAILED cell 2: the kernel died by signal 11 (SIGSEGV)" in capsys.readouterr().out
    assert time.monotonic() - started < 600
    assert not (folder / "dead.ipynb").exists()


@pytest.mark.slow
def test_a_cell_that_never_ends_is_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_folder(tmp_path, slow="# %%\nwhile True:\n    pass\n")
    assert notebooks.main(["--folder", str(folder), "--timeout", "1"]) == 1
    assert "cell 1: still running after 1 s" in capsys.readouterr().out


@pytest.mark.slow
def test_kernels_run_this_interpreter_beside_the_notebook_without_bars(tmp_path: Path) -> None:
    code = (
        "# %%\nimport os, sys, IPython, tqdm\n"
        "print(sys.executable, os.getcwd(), os.environ['OMP_NUM_THREADS'], sep='\\n')\n"
        "print(IPython.paths.get_ipython_dir())\n"
        "for _ in tqdm.tqdm(range(3)): pass\n"
    )
    folder = make_folder(tmp_path, where=code)
    assert run_tool(folder, "--jobs", str(os.cpu_count())).returncode == 0
    (output,) = json.loads((folder / "where.ipynb").read_text())["cells"][0]["outputs"]
    executable, folder_seen, threads, ipython_folder = "".join(output["text"]).splitlines()
    assert (executable, folder_seen, threads) == (sys.executable, str(folder), "1")
    assert not ipython_folder.startswith(str(Path.home() / ".ipython"))


@pytest.mark.slow
def test_edits_made_in_the_notebook_are_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_folder(tmp_path, n="# %%\nx = 1\n")
    assert notebooks.main(["--folder", str(folder)]) == 0
    edited = nbformat.read(folder / "n.ipynb", as_version=4)
    edited.cells[0].source = "x = 2"
    nbformat.write(edited, folder / "n.ipynb")
    os.utime(folder / "text" / "n.py", (0, 0))
    assert notebooks.main(["--folder", str(folder)]) == 1
    assert notebooks.carry_over("n") in capsys.readouterr().out
    assert nbformat.read(folder / "n.ipynb", as_version=4).cells[0].source == "x = 2"
    os.utime(folder / "text" / "n.py")
    assert notebooks.main(["--folder", str(folder)]) == 0
    assert nbformat.read(folder / "n.ipynb", as_version=4).cells[0].source == "x = 1"


def test_names_select_by_their_beginning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_folder(tmp_path, **{"00_start": "", "04_digits": "", "05_faces": ""})
    assert [twin.stem for twin in notebooks.select([], folder)] == ["00_start", "04_digits", "05_faces"]
    assert [twin.stem for twin in notebooks.select(["04", "notebooks/05_faces.ipynb"], folder)] == [
        "04_digits",
        "05_faces",
    ]
    with pytest.raises(SystemExit, match="2"):
        notebooks.main(["--folder", str(folder), "9"])
    assert "No notebook begins with '9'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, environment, message",
    [(["--jobs", "0"], {}, "--jobs must be at least 1, got 0"), ([], {"COURSE_FULL": "1"}, "COURSE_FULL is set")],
)
def test_wrong_calls_are_refused(arguments, environment, message, tmp_path, monkeypatch, capsys) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit, match="2"):
        notebooks.main(["--folder", str(make_folder(tmp_path, n="")), *arguments])
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process on Windows")
def test_an_interrupt_leaves_no_kernel_and_no_half_written_file(tmp_path: Path) -> None:
    code = "# %%\nimport os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(600)\n"
    folder = make_folder(tmp_path, slow=code)
    process = subprocess.Popen([sys.executable, str(TOOL), "--folder", str(folder)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "pid").exists() or not (folder / "pid").read_text():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in errors
    assert not list(folder.glob("*.ipynb*")) and not list(folder.glob(".*"))
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


@pytest.mark.slow
def test_jupytext_carries_an_edit_to_a_twin_that_stays_plain(sample_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sample_folder, tmp_path / "notebooks"))
    shutil.copy(notebooks.NOTEBOOKS / "jupytext.toml", folder)
    edited = nbformat.read(folder / "sample.ipynb", as_version=4)
    edited.cells[8].source += "\nx = 5"
    edited.cells[8].metadata = {"collapsed": True, "execution": {"started": "now"}}
    nbformat.write(edited, folder / "sample.ipynb")
    command = notebooks.carry_over("sample").split()
    subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, check=True)
    before = (sample_folder / "text" / "sample.py").read_text(encoding="utf-8").splitlines()
    after = (folder / "text" / "sample.py").read_text(encoding="utf-8").splitlines()
    added = [line for line in set(after) - set(before) if "skip_reason" not in line]  # jupytext sorts the metadata
    assert added == ["x = 5"] and after[0] == "# %% [markdown]"
    assert notebooks.inputs(notebooks.from_twin(folder / "text" / "sample.py")) == notebooks.inputs(edited)
