"""tools/notebook_memory.py: what the imports of a notebook cost, and the most memory that its kernel has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import record
from tools import notebook_memory, notebooks

GROWS = """
# %% tags=["imports"]
import json

from math import pi

much = 5

# %%
import time

held = bytearray(b"x") * 300_000_000
time.sleep(0.5)

# %%
del held
"""
FAILS = """
# %% tags=["imports"]
import json

# %%
1 / 0
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "notebooks/text").mkdir(parents=True)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(record, "RECORDS", tmp_path / "records")
    return tmp_path / "notebooks/text"


def test_only_the_imports_are_taken(folder: Path) -> None:
    (folder / "a.py").write_text(GROWS.lstrip())
    assert notebook_memory.imports_of(notebooks.from_twin(folder / "a.py")) == "import json\nfrom math import pi"


@pytest.mark.slow
def test_a_peak_that_is_freed_again_is_seen_and_a_failure_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(GROWS.lstrip())
    (folder / "b.py").write_text(FAILS.lstrip())
    assert notebook_memory.main(["--jobs", "2", "--record"]) == 1
    out = capsys.readouterr().out
    assert "cell 2: ZeroDivisionError: division by zero" in out and "2 notebooks, 2 at a time" in out
    written = json.loads((record.RECORDS / "notebook_memory.json").read_text())
    grows, fails = written["figures"]["notebooks"]
    assert 300 < grows["peak_mb"] < 600 and grows["import_mb"] < 60 and not grows["error"]
    assert fails["peak_mb"] < 200
