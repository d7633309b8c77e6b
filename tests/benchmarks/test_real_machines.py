from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks import piece_of_work, real_machines
from course_lib import machine

ROOT = Path(__file__).resolve().parents[2]


def test_every_work_is_one_that_the_script_knows() -> None:
    assert set(real_machines.WORKS) == set(piece_of_work.WORKS)


@pytest.mark.slow
def test_a_work_is_measured_in_its_own_process_with_the_library_that_is_named() -> None:
    cost = real_machines.run("embedding", ROOT, real_machines.environment(real_machines.NOW, "1"))
    assert cost["seconds"] > 0 and cost["program"] > 0 and cost["faults"] >= 0 and cost["peak_mb"] > 100


def test_a_work_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"embedding failed in .*\n(.|\n)*cannot import name 'training'"):
        (tmp_path / "course_lib").mkdir()
        (tmp_path / "course_lib/__init__.py").touch()
        real_machines.run("embedding", tmp_path, dict(os.environ))


def test_only_this_checkout_has_the_projects_settings() -> None:
    now, before = (real_machines.environment(name, "2") for name in (real_machines.NOW, real_machines.BEFORE))
    assert machine.SETTINGS.items() <= now.items() and not machine.SETTINGS.keys() & before.keys()
    assert now["OMP_NUM_THREADS"] == before["OMP_NUM_THREADS"] == "2"


def test_the_load_ends_with_the_work() -> None:
    before = set(psutil.Process().children())
    with real_machines.busy(True):
        (load,) = set(psutil.Process().children()) - before
        # On a busy machine it may have been started, and not yet be the program that it will be.
        assert any(load.cmdline()[-1:] == [real_machines.COUNTING] or time.sleep(0.1) for _ in range(100))
    assert not psutil.pid_exists(load.pid)
    with real_machines.busy(False):
        assert set(psutil.Process().children()) <= before


def test_the_comparisons_are_ratios_of_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(work: str, checkout: Path, environment: dict[str, str]) -> dict[str, float]:
        slow = 4 if checkout.name == "old" else 1
        seconds = slow * (2 if work == "embedding" else 1)
        return {"seconds": seconds, "program": 1, "kernel": 1, "faults": 100 * slow, "peak_mb": 300}

    monkeypatch.setattr(real_machines, "run", run)
    monkeypatch.setattr(real_machines, "COUNTING", "pass")
    checkouts = {"now": Path("new"), "before": Path("old")}
    figures = real_machines.measure(checkouts, 2, ("training", "embedding", "onnx_runtime"))
    assert len(figures["runs"]) == 2 * 3 * 2 * 2 * 2
    found = {one["name"]: (one["value"], one["verdict"]) for one in figures["comparisons"]}
    assert found["training, two threads: busy / idle"] == (1, "met")
    assert found["embedding, idle, 1 thread(s): before / now"] == (4, "met")
    assert found["embedding, busy, 2 thread(s): before / now"] == (4, "")
    assert found["training: faults, before / now"] == (4, "missed")
    assert found["training: peak mb, before / now"] == (1, "met")
    assert found["embedding, one thread: PyTorch / ONNX Runtime"] == (2, "missed")


def test_this_checkout_alone_is_compared_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = {"seconds": 1, "program": 1, "kernel": 0, "faults": 0, "peak_mb": 300}
    monkeypatch.setattr(real_machines, "run", lambda *_: cost)
    monkeypatch.setattr(real_machines, "COUNTING", "pass")
    names = [one["name"] for one in real_machines.measure({"now": Path()}, 1, ("training",))["comparisons"]]
    assert names == ["training, two threads: busy / idle"]


@pytest.mark.slow
def test_the_script_prints_one_line_of_json() -> None:
    command = [sys.executable, str(ROOT / "benchmarks/piece_of_work.py"), "detection"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert set(json.loads(done.stdout)) == {"seconds", "program", "kernel", "faults", "peak_mb"}, done.stderr
