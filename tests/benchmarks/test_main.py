from __future__ import annotations

from types import ModuleType

import pytest

from benchmarks import __main__ as runner
from benchmarks.comparison import spread


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The benchmarks are replaced by ones that cost nothing; the names of those that ran."""
    names: list[str] = []

    def fake(name: str) -> ModuleType:
        module = ModuleType(name, f"What {name} measures.")
        rows = [spread(f"{name} ratio", [2.0], target=1.5).plain()]
        module.main = lambda: names.append(name) or {"comparisons": rows, "others_cpu_percent": 40.0}
        return module

    monkeypatch.setattr(runner, "benchmark", fake)
    return names


def test_runs_the_quick_ones_and_prints_their_tables(ran, capsys):
    runner.main([])
    assert ran == list(runner.QUICK)
    printed = capsys.readouterr().out
    assert "training ratio" in printed and ">= 1.5 x" in printed and "met" in printed
    assert "Other programs took 40 % of the processor" in printed


def test_runs_what_is_named(ran):
    runner.main(["digits_center_loss", "import_time"])
    assert ran == ["digits_center_loss", "import_time"]


def test_lists_without_running(ran, capsys):
    runner.main(["--list"])
    printed = capsys.readouterr().out
    assert ran == [] and all(f"What {name} measures." in printed for name in [*runner.QUICK, *runner.LONG])


def test_an_unknown_name_is_answered_with_the_known(ran, capsys):
    with pytest.raises(SystemExit):
        runner.main(["trainig"])
    assert ran == [] and "there is no benchmark trainig; there are training, " in capsys.readouterr().err


@pytest.mark.parametrize("name", [*runner.QUICK, *runner.LONG])
def test_every_benchmark_exists(name):
    module = runner.benchmark(name)
    assert callable(module.main) and module.__doc__.count("\n") == 0
