from __future__ import annotations

import subprocess
import sys
import time

import pytest

from benchmarks.comparison import Comparison, Race, estimate, interleaved, spread, table
from course_lib.evaluation import Interval


def test_contestants_take_turns_and_each_round_starts_with_the_next():
    calls = []
    race = interleaved({name: lambda name=name: calls.append(name) for name in "abc"}, rounds=4)
    assert "".join(calls) == "abc" + "bca" + "cab" + "abc"
    assert {name: len(seconds) for name, seconds in race.seconds.items()} == {"a": 4, "b": 4, "c": 4}


def test_ratios_are_taken_within_a_round():
    """A minute in which everything takes ten times as long leaves the ratio as it is."""
    race = Race({"slow": [3.0, 30.0, 2.0], "fast": [1.0, 10.0, 1.0]}, 0.0)
    found = race.ratio("slow / fast", "slow", "fast", target=2.5)
    assert (found.value, found.low, found.high, found.verdict) == (3.0, 2.0, 3.0, "met")
    assert race.median("slow") == 3.0


@pytest.mark.parametrize(
    ("value", "target", "at_least", "verdict"),
    [(1.5, 1.5, True, "met"), (1.49, 1.5, True, "missed"), (1.04, 1.03, False, "missed"), (1.0, None, True, "")],
)
def test_the_verdict_follows_the_target(value, target, at_least, verdict):
    assert Comparison("x", value, value, value, target, at_least).verdict == verdict


def test_the_table_shows_figure_range_target_and_verdict():
    rows = [spread("a / b", [1.0, 3.0, 2.0], target=1.5), spread("seconds", [0.25], unit="s", at_least=False)]
    lines = table([row.plain() for row in rows]).splitlines()
    assert lines[1].split() == ["a", "/", "b", "2", "x", "1", "to", "3", ">=", "1.5", "x", "met"]
    assert lines[2].split() == ["seconds", "0.25", "s", "0.25", "to", "0.25"]


def test_work_of_other_programs_is_noticed_and_our_own_is_not():
    def spin() -> None:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass

    own = interleaved({"spin": spin}, rounds=1).others_percent
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        busy = interleaved({"sleep": lambda: time.sleep(0.5)}, rounds=1).others_percent
    finally:
        other.kill()
        other.wait()
    assert 0 <= own <= 100 and 10 < busy <= 100


def test_an_estimate_stands_in_the_middle_of_its_interval():
    line = estimate("a - b", Interval(-1.0, 3.0), "points")
    assert (line["name"], line["value"], line["low"], line["high"], line["unit"]) == ("a - b", 1, -1, 3, "points")
    assert line["target"] is None and line["verdict"] == ""
