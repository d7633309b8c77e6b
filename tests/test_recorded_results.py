"""Records are found from any working directory, and what is missing is said in a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course_lib import record, records


def test_a_record_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = record("digits_center_loss")
    assert found["command"] == "python -m benchmarks digits_center_loss" and found["figures"]["runs"]


def test_a_missing_record_is_answered_with_those_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.json").write_text(json.dumps({"seed": 0}))
    monkeypatch.setattr(records, "RECORDS", tmp_path)
    assert record("one") == {"seed": 0}
    with pytest.raises(FileNotFoundError, match="there is no record 'two'; there are: one"):
        record("two")


def test_a_course_without_records_says_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RECORDS", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="Install the course anew") as error:
        record("one")
    assert "\n" not in str(error.value)
