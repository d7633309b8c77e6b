from __future__ import annotations

from pathlib import Path

import pytest

from tools.mutants import LIBRARY, ROOT, Mutant, is_killed, main, workplace

MODULE = Path(LIBRARY, "export", "budget.py")


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
    first, second, *_ = mutant().tests()
    assert first == [str(Path("tests/export/test_budget.py"))] and second == [str(Path("tests/export"))]


def test_all_but_the_changed_module_is_the_library_itself(tmp_path: Path) -> None:
    workplace(tmp_path / "here", mutant("def ", "def  "))
    changed = [path for path in (tmp_path / "here" / LIBRARY).rglob("*") if path.is_file() and not path.is_symlink()]
    assert changed == [tmp_path / "here" / MODULE]
    assert (tmp_path / "here/tests").resolve() == ROOT / "tests"


@pytest.mark.slow
def test_a_fault_is_killed(tmp_path: Path) -> None:
    assert is_killed(mutant("\n\n\n", "\n\n\nraise ImportError\n"), tmp_path / "here")


def test_folders_that_are_none_have_no_mutants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no_such_folder", "--seed", "a"]) == 0
    assert "0 of 0 killed" in capsys.readouterr().out
