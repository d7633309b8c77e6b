from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from course_lib import check

ROOT = Path(check.__file__).resolve().parents[1]


def write_package(folder: Path, name: str, version: str, extra_metadata: str = "") -> None:
    """The record of an installed package, as pip leaves it."""
    record = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    record.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{extra_metadata}"
    (record / "METADATA").write_text(text, encoding="utf-8")


def run_check(*options: str, path: Path) -> subprocess.CompletedProcess[str]:
    """The command as a user gives it, with a folder in front of the installed packages."""
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(ROOT)])}
    command = [sys.executable, *options, "-m", "course_lib.check"]
    return subprocess.run(command, env=settings, cwd=ROOT, capture_output=True, text=True, timeout=120)


def only(results: list[check.Result]) -> check.Result:
    assert len(results) == 1
    return results[0]


@pytest.mark.parametrize(
    ("installed", "ok"),
    [
        ("2.12.0", True),
        ("2.14.1", True),
        ("2.14.1+cpu", True),
        ("2.13.0", False),
        ("2.13.0+cpu", False),
        ("2.11.9", False),
        ("2.15.0", False),
        (None, False),
        ("built by hand", False),
    ],
)
def test_a_requirement_is_met_within_its_bounds_only(installed, ok):
    result = only(check.check_requirements([Requirement("torch>=2.12,!=2.13.*,<2.15")], lambda name: installed))
    assert result.ok is ok
    assert result.required == ">=2.12,<2.15,!=2.13.*"
    assert result.found == (installed or "not installed")
    assert str(result).startswith("[OK]" if ok else "[FAIL]")
    assert ('"torch>=2.12,<2.15,!=2.13.*"' in result.fix) is not ok


def test_the_remedy_in_a_conda_environment_is_condas(monkeypatch, tmp_path):
    (tmp_path / "conda-meta").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    result = only(check.check_requirements([Requirement("torch>=2.12")], lambda name: None))
    assert result.fix == "conda env update -f environment.yml"


def test_the_requirements_are_those_of_pyproject():
    needs = {need.name: need for need in check.requirements()}
    assert {"torch", "torchvision", "jupyterlab", "ipywidgets"} <= needs.keys()
    assert "pytest" not in needs
    assert ("tomli" in needs) == (sys.version_info < (3, 11))
    assert all(result.ok for result in check.check_requirements(needs.values()))


def test_without_a_clone_the_installed_metadata_is_read(monkeypatch, tmp_path):
    declared = "Requires-Python: >=3.10\nRequires-Dist: one>=1\nRequires-Dist: two; extra == 'dev'\n"
    write_package(tmp_path, check.PROJECT, "9.9", declared)
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert [str(need) for need in check.requirements()] == ["one>=1"]
    assert check.check_python().ok


def test_without_a_clone_and_metadata_the_error_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    monkeypatch.setattr(check, "PROJECT", "no-such-project")
    with pytest.raises(RuntimeError, match="no-such-project is not installed"):
        check.requirements()


def test_an_old_python_fails(monkeypatch):
    assert check.check_python().ok
    monkeypatch.setattr(check.platform, "python_version", lambda: "3.9.18")
    result = check.check_python()
    assert not result.ok and result.found == "3.9.18" and "python.org" in result.fix


def test_the_report_of_a_ready_machine(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert check.main() == 0
    report = capsys.readouterr().out
    assert "[FAIL]" not in report
    assert "[OK]   torch " in report
    assert "LFW        not there; to fetch it: python data_scripts/get_lfw.py" in report


@pytest.mark.slow
def test_an_outdated_package_is_named_with_its_remedy(tmp_path):
    write_package(tmp_path, "umap-learn", "0.4.0")
    done = run_check(path=tmp_path)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    failures = [number for number, line in enumerate(lines) if line.startswith("[FAIL]")]
    assert len(failures) == 1
    assert lines[failures[0]].split() == ["[FAIL]", "umap-learn", "0.4.0", "needs", ">=0.5.7,<0.6"]
    assert 'pip install -c constraints.txt "umap-learn>=0.5.7,<0.6"' in lines[failures[0] + 1]


def test_with_nothing_but_pip_every_package_is_missing_and_nothing_crashes(tmp_path):
    """-S leaves the installed packages out; pip alone is put back, as in a fresh virtual environment."""
    (tmp_path / "pip").symlink_to(Path(sysconfig.get_path("purelib")) / "pip", target_is_directory=True)
    done = run_check("-S", path=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    missing = [line.split()[1] for line in done.stdout.splitlines() if "not installed" in line]
    assert missing == [need.name for need in check.requirements()]
    assert "device    unknown (ModuleNotFoundError: No module named 'torch')" in done.stdout
    assert "not looked for: No module named" in done.stdout


def test_a_package_that_is_installed_but_does_not_import_fails(monkeypatch, tmp_path):
    (tmp_path / "broken_binary.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    result = check.check_import("broken_binary")
    assert not result.ok
    assert result.found == "fails: RuntimeError: operator torchvision::nms does not exist"
    assert '--force-reinstall --no-deps -c constraints.txt "torch" "torchvision"' in result.fix
    assert check.check_import("json").ok


def test_the_machine_is_described_even_where_a_package_is_missing(monkeypatch):
    whole = check.machine()
    assert set(whole) == {"system", "device", "cores", "threads", "memory", "bfloat16"}
    assert not any(answer.startswith("unknown") for answer in whole.values())
    assert int(whole["cores"].split()[0]) >= 1
    monkeypatch.setitem(sys.modules, "psutil", None)
    without = check.machine()
    assert without["memory"].startswith("unknown (")
    assert without["device"] == whole["device"]


def test_data_sets_are_found_where_their_scripts_put_them(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert not any(data.present for data in check.datasets())
    photograph = tmp_path / "lfw" / "lfw_funneled" / "Ann_Example" / "Ann_Example_0001.jpg"
    batch = tmp_path / "cifar10" / "cifar-10-batches-py" / "data_batch_1"
    for file in (photograph, batch):
        file.parent.mkdir(parents=True)
        file.touch()
    assert {data.name for data in check.datasets() if data.present} == {"LFW", "CIFAR-10"}


def test_every_data_set_names_a_script_that_is_there(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    scripts = {data.script for data in check.datasets()}
    assert scripts == {str(path.relative_to(ROOT).as_posix()) for path in ROOT.glob("data_scripts/get_*.py")}


def test_a_data_folder_that_makes_no_sense_is_reported(capsys, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "relative/folder")
    check.main()
    assert "not looked for: COURSE_DATA is 'relative/folder'" in capsys.readouterr().out


@pytest.mark.parametrize(("started_with", "found"), [("PASSIVE", "where this shell starts"), ("", "set OMP_WAIT_POL")])
def test_a_learner_is_told_of_threads_that_spin(started_with, found, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("course_lib.machine.STARTED_WITH", started_with)
    assert found in check.machine()["threads"]
    monkeypatch.setattr("sys.platform", "darwin")
    assert "where this shell starts" in check.machine()["threads"]
