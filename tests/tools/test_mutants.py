from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools import mutants
from tools.mutants import FAILED, LIBRARY, NO_TESTS, PASSED, ROOT, Mutant, is_killed, main, outcome, workplace

MODULE = Path(LIBRARY, "export", "budget.py")
QUICK = ("-m", "not slow", "tests/export/test_budget.py")

needs_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no forkserver")


def mutant(old: str = "", new: str = "") -> Mutant:
    code = (ROOT / MODULE).read_text(encoding="utf-8")
    assert old in code
    return Mutant(MODULE, code.replace(old, new, 1))


def test_the_change_is_told_as_lines() -> None:
    change = mutant("def ", "def  ").change
    _, old, new = change.splitlines()
    assert old.strip().startswith("-def ") or old.strip().startswith("-    def ")
    assert new == old.replace("-", "+", 1).replace("def ", "def  ")


def test_the_nearest_tests_run_first() -> None:
    first, of_all, near, *_ = mutant().tests()
    assert first == QUICK and "tests/test_defaults.py" in of_all
    assert QUICK[-1] not in near and all(path.startswith("tests/export/") for path in near[2:])


@pytest.mark.parametrize(
    ("module", "own"),
    [
        ("export/onnx_file.py", ["tests/export/test_onnx_file.py"]),
        ("evaluation/_unit.py", None),
        ("export/runtimes/onnx_memory.py", ["tests/export/test_onnx_memory.py", "tests/export/test_runtime.py"]),
        ("data/drawn_face/paint.py", ["tests/data/test_drawn_face.py"]),
        ("paths.py", ["tests/test_paths.py"]),
    ],
)
def test_the_tests_of_a_module_are_found_by_its_name(module: str, own: list[str] | None) -> None:
    plan = list(Mutant(Path(LIBRARY, module), "").tests())
    if own:
        assert list(plan[0][2:]) == own
    assert all(options == "-m" and len(paths) for options, _, *paths in plan)
    given = [path for _, _, *paths in plan for path in paths]
    assert all((ROOT / path).is_file() and path.split("/")[1] not in ("notebooks", "tools", "web") for path in given)
    slow = [paths for _, which, *paths in plan if which == "slow"]
    assert slow in ([], [own]), "the slow tests of other modules never run"


def test_all_but_the_changed_module_is_the_library_itself(tmp_path: Path) -> None:
    workplace(tmp_path / "here", mutant("def ", "def  "))
    changed = [path for path in (tmp_path / "here").rglob("*") if path.is_file() and not path.is_symlink()]
    assert (
        changed == [tmp_path / "here" / MODULE]
        and changed[0].read_text(encoding="utf-8") == mutant("def ", "def  ").code
    )
    there = sorted(path.name for path in (ROOT / LIBRARY).iterdir() if path.name != "__pycache__")
    assert sorted(path.name for path in (tmp_path / "here" / LIBRARY).iterdir()) == there
    assert (tmp_path / "here/tests").resolve() == ROOT / "tests" and not (tmp_path / "here/.git").exists()


@pytest.mark.slow
@needs_posix
def test_a_fault_is_killed_and_what_is_none_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mutant, "tests", lambda self: iter([QUICK, ("-k", "nothing", QUICK[-1])]))
    fault = mutant("Verdict(left >= 0", "Verdict(left > 0")
    code, test = outcome(fault, QUICK)
    assert code == FAILED and test.startswith(QUICK[-1] + "::test_") and is_killed(fault)
    assert outcome(mutant(), QUICK) == (PASSED, "") and not is_killed(mutant())
    assert outcome(mutant(), ("-k", "nothing", QUICK[-1])) == (NO_TESTS, "")


@needs_posix
@pytest.mark.parametrize(
    ("limit", "work", "ended_by"),
    [("SECONDS", "while True: pass", "SIGPROF"), ("SECONDS_OF_THE_CLOCK", "time.sleep(100)", "SIGALRM")],
)
def test_work_without_end_is_ended(limit: str, work: str, ended_by: str) -> None:
    code = f"import time\nfrom tools import mutants\nmutants.{limit} = 0.1\nmutants.set_limits()\n{work}"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -getattr(signal, ended_by)


@pytest.mark.slow
@needs_posix
def test_a_crash_is_of_the_test_that_was_running() -> None:
    code, test = outcome(mutant("    return round(", "    __import__('os').abort()\n    return round("), QUICK)
    assert code == -signal.SIGABRT and test.startswith(QUICK[-1] + "::test_")


@pytest.mark.slow
@needs_posix
def test_tests_that_fail_anyway_kill_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong option of pytest, or a test that fails on this machine, must not look like a fault that was noticed."""
    monkeypatch.setattr(Mutant, "tests", lambda self: iter([("--no-such-option", QUICK[-1])]))
    assert not is_killed(mutant("Verdict(left >= 0", "Verdict(left > 0"))
    assert "they fail without a fault too (pytest: 4): --no-such-option tests/export" in capsys.readouterr().out


def test_folders_that_are_none_have_no_mutants(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert main(["no_such_folder", "--seed", "a"]) == 0
    assert "0 of 0 killed" in capsys.readouterr().out


def test_the_share_is_of_all_that_were_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [mutant("left >= 0", f"left >= {number}") for number in range(4)]
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(mutants, "drawn", lambda modules, count, seed: drawn)
    monkeypatch.setattr(mutants, "is_killed", lambda one: one is not drawn[2])
    assert main(["export", "--seed", "a"]) == 1
    said = capsys.readouterr().out
    assert "  3 SURVIVED course_lib/export/budget.py" in said and "seed a: 3 of 4 killed, 75 %" in said
