from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import record


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test writes over a committed record."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setattr(record, "RECORDS", tmp_path / "records")
    return tmp_path / "records"
