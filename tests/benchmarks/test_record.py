from __future__ import annotations

import getpass
import json
import math
import platform
import re
import socket
from datetime import date
from pathlib import Path

import pytest

from benchmarks import record

COMMITTED = Path(record.__file__).parent / "records"


def test_a_record_says_where_its_figures_come_from(records):
    path = record.write_record("speed", "python -m benchmarks speed", 3, {"ratio": 1.5, "rounds": [1.0, 2.0]})
    assert path == records / "speed.json" and list(records.iterdir()) == [path]
    read = record.read_record("speed")
    assert (read["command"], read["seed"]) == ("python -m benchmarks speed", 3)
    assert read["figures"] == {"ratio": 1.5, "rounds": [1.0, 2.0]}
    assert abs((date.fromisoformat(read["date"]) - date.today()).days) <= 1
    assert read["hardware"].keys() == {"processor", "system", "cores", "memory_gb"} and all(read["hardware"].values())
    assert read["versions"]["python"] == platform.python_version() and "torch" in read["versions"]


def test_lists_of_numbers_stay_on_one_line_and_strings_as_they_are():
    figures = {"points": [[1, 2.5], [-3e-5, 4]], "message": "a [ 1,\n 2 ]  b", "names": ["x,  y", "[z]"]}
    path = record.write_record("lists", "command", 0, figures)
    assert json.loads(path.read_text())["figures"] == figures
    assert "[ 1, 2.5 ]" in path.read_text()


def test_not_a_number_is_refused_and_the_old_record_kept():
    record.write_record("speed", "command", 0, {"ratio": 1.0})
    with pytest.raises(ValueError, match="JSON"):
        record.write_record("speed", "command", 0, {"ratio": math.nan})
    assert record.read_record("speed")["figures"] == {"ratio": 1.0}


def test_a_missing_record_names_its_command():
    with pytest.raises(FileNotFoundError, match="write it with: python -m benchmarks nothing"):
        record.read_record("nothing")


def test_only_runs_of_the_same_measurement_are_gone_on_from(monkeypatch):
    settings = {"epochs": 2, "sizes": (1, 2)}
    assert record.recorded_runs("sweep", settings) == []
    record.write_record("sweep", "command", 0, {"settings": settings, "runs": [{"seed": 0}]})
    assert record.recorded_runs("sweep", settings) == [{"seed": 0}]
    assert record.recorded_runs("sweep", {**settings, "epochs": 3}) == []
    monkeypatch.setattr(record, "hardware", lambda: {"processor": "another"})
    assert record.recorded_runs("sweep", settings) == []


@pytest.mark.parametrize("path", sorted(COMMITTED.glob("*.json")), ids=lambda path: path.stem)
def test_committed_records_are_small_and_name_no_machine(path):
    text = path.read_text(encoding="utf-8")
    read = json.loads(text)
    assert len(text) < 250_000  # of some hundred runs, or four runs of every number of the course
    assert read.keys() == {"command", "date", "seed", "hardware", "versions", "figures"}
    # Before it, at most the environment variables that name a folder.
    command = rf"(COURSE_[A-Z]+=FOLDER )*python -m (benchmarks {path.stem}|tools\.{path.stem} --record)"
    assert re.fullmatch(command, read["command"])
    assert "/" not in json.dumps(read["hardware"]) and str(Path.home()) not in text
    strings = json.dumps([read["hardware"], read["command"], read["figures"].get("settings")])
    assert socket.gethostname() not in strings and f"/{getpass.getuser()}" not in strings
