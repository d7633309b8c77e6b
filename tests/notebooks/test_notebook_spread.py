"""tools/notebook_spread.py: runs a notebook under every variant, judges its tolerances, and keeps a record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import record
from tools import notebook_spread, notebooks
from tools.number_spread import unpacked

# Stands for numbers that move with threads and instruction sets.
MOVES = """
# %%
import os

def guard(sentence, condition, **values):
    assert condition, sentence

rate = 0.98 - 0.005 * (os.environ["OMP_NUM_THREADS"] == "2")
seconds, many = 1.25, [1, 2]

# %% tolerance="1 points"
print(f"rate {100 * rate:.1f} % of 500, after {seconds} s")

# %% tags=["guard"]
guard("the rate is high", rate > 0.95 and many[0] < 2, rate=rate, many=many)

# %% tags=["nbval-ignore-output"] skip_reason="another number on every machine"
print(os.environ.get("ONEDNN_MAX_CPU_ISA", "1"))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for notebooks, and another for records."""
    monkeypatch.setattr(record, "RECORDS", tmp_path / "records")
    (tmp_path / "notebooks" / "text").mkdir(parents=True)
    return tmp_path / "notebooks"


def spread(folder: Path, *arguments: str, **twins: str) -> int:
    for name, text in twins.items():
        (folder / "text" / f"{name}.py").write_text(text.lstrip(), encoding="utf-8")
    return notebook_spread.main(["--folder", str(folder), "--jobs", "2", *arguments])


def refuse(*_: object) -> None:
    raise AssertionError("a notebook was run")


@pytest.mark.slow
def test_a_sweep_is_recorded_resumed_and_judged_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record.write_record("notebook_spread", "command", [], {"notebooks": {"99_other": {"code": "kept"}}})
    assert spread(folder, "--record", a=MOVES) == 0
    entries = notebook_spread.recorded()
    assert entries["99_other"] == {"code": "kept"} and list(entries) == ["99_other", "a"]
    assert list(entries["a"]["cells"].values()) == [{"1 thread": "98.0 %; 500", "2 threads": "97.5 %; 500"}]
    assert entries["a"]["guards"] == {"the rate is high": {"rate": 0.98, "many": [1, 2]}}
    assert "98.0 %  spread 0.5 (0.51 %), allowed 1" in capsys.readouterr().out

    monkeypatch.setattr(notebooks, "execute", refuse)
    assert spread(folder, "--suggest", a=MOVES.replace("1 points", "2 points")) == 1
    out = capsys.readouterr().out
    assert "TOO WIDE: 2 points is wider than the 1.5 that the spread allows" in out
    assert 'suggested: tolerance="0.8 points"' in out
    assert spread(folder, a=MOVES.replace('tolerance="1 points"', "")) == 1
    assert "TOO TIGHT: 98.0 % moved by 0.5, tolerance none" in capsys.readouterr().out
    for arguments, twin in ((["--again"], MOVES), ([], MOVES.replace("0.98", "0.97"))):
        with pytest.raises(AssertionError, match="a notebook was run"):
            spread(folder, *arguments, a=twin)


def test_a_sweep_on_another_machine_adds_to_the_earlier_ones() -> None:
    first = {"code": "same", "cells": {"rate": {"1 thread": "98.0 %", "AVX2": "97.5 %"}, "loss": {"1 thread": "2"}}}
    second = {"code": "same", "cells": {"rate": {"1 thread": "98.4 %"}, "loss": {"1 thread": "2"}}}
    both = notebook_spread.joined(second, first)
    assert both["cells"]["rate"] == {"1 thread": "98.4 %", "1 thread, sweep 1": "98.0 %", "AVX2, sweep 1": "97.5 %"}
    (spread,) = unpacked(both["cells"]["rate"])
    assert str(spread.number) == "98.4 %" and (float(spread.low), float(spread.high)) == (97.5, 98.4)
    third = notebook_spread.joined(first, both)
    assert list(third["cells"]["loss"]) == ["1 thread", "1 thread, sweep 2", "1 thread, sweep 1"]
    assert third["sweeps"] == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("twin", "message"),
    [
        (
            '# %%\nimport os\nprint(int(os.environ["OMP_NUM_THREADS"]) * "thread ")',
            "under 2 threads, cell import-os: after",
        ),
        ("# %%\nprint(float('nan'))", "NaN and infinity never agree"),
        ('# %%\nimport os\nassert os.environ["OMP_NUM_THREADS"] == "1"', "under 2 threads, cell 1: AssertionError"),
        ('# %%\nimport os\nassert os.environ["COURSE_GUARDS"] == "0"', "under 1 thread, cell 1: AssertionError"),
        ('# %% tags=["guard"]\nx = 1', "cell 1 is tagged guard: expected one call"),
        (2 * '# %% tags=["guard"]\nguard("a", True, x=1)\n', "cell 2 repeats the sentence of another guard: 'a'"),
    ],
)
def test_what_cannot_be_compared_is_not_recorded(
    folder: Path, twin: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    two = dict(list(notebook_spread.VARIANTS.items())[:2])
    monkeypatch.setattr(notebook_spread, "VARIANTS", two)
    assert spread(folder, "--record", a=twin) == 1
    error = capsys.readouterr().err
    assert message in error and "a, nothing recorded" in error
    assert not (record.RECORDS / "notebook_spread.json").exists()


@pytest.mark.slow
def test_every_variant_reaches_the_kernel_and_nothing_else_of_its_kind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("MKL_CBWR", "ATEN_CPU_CAPABILITY"):
        monkeypatch.setenv(name, "of the shell")
    names = sorted({name for switched in notebook_spread.VARIANTS.values() for name in switched})
    twin = f"# %%\nimport os\nprint([len(os.environ.get(name, '')) for name in {names}])"
    assert spread(folder, "--record", a=twin) == 1
    (cell,) = notebook_spread.recorded()["a"]["cells"].values()
    assert cell.keys() == {"1 thread", "no vector instructions", "AVX2"}  # as many characters for 2 threads as for 1
    for variant, printed in cell.items():
        given = notebook_spread.VARIANTS[variant]
        assert printed.split("; ") == [str(len(given.get(name, ""))) for name in names]


def test_a_list_too_long_for_the_record_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    cell = notebooks.nbformat.v4.new_code_cell()
    cell.outputs = [
        notebooks.nbformat.v4.new_output("stream", name="stdout", text=json.dumps({"so": {"x": [0] * 3000}}))
    ]
    assert notebook_spread.guard_values(cell) == {"so": {"x": {"unreadable": "a list of 3,000"}}}


def test_wrong_arguments_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (["--jobs", "0"], ["no_such_notebook"]):
        with pytest.raises(SystemExit):
            notebook_spread.main(["--folder", str(folder), *arguments])
    monkeypatch.setenv("COURSE_FULL", "1")
    with pytest.raises(SystemExit):
        spread(folder, a=MOVES)
