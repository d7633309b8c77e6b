from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
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


def test_a_requirement_in_one_line_and_its_remedy_in_a_second(monkeypatch, tmp_path):
    met, unmet = (only(check.check_requirements([Requirement("one")], lambda name, v=v: v)) for v in ("1.2", None))
    assert str(met) == "[OK]   one               1.2            needs any"
    command = 'python -m pip install -c constraints.txt "one"'
    assert str(unmet) == f"[FAIL] one               not installed  needs any\n       fix: {command}"
    monkeypatch.setattr(check, "ROOT", tmp_path)
    assert only(check.check_requirements([Requirement("one")], lambda name: None)).fix == 'python -m pip install "one"'


def test_a_package_without_a_version_is_not_installed(monkeypatch, tmp_path):
    write_package(tmp_path, "without-version", "")
    write_package(tmp_path, "with-version", "0.5")
    monkeypatch.syspath_prepend(tmp_path)
    found = [check.installed_version(name) for name in ("with-version", "without-version", "no-such-package")]
    assert found == ["0.5", None, None]


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
    fix = "install a Python within these bounds: https://www.python.org/downloads/"
    assert result == check.Result("Python", "3.9.18", ">=3.10,<3.15", fix)


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
    assert check.check_import("json") == check.Result("json", "imports", "to import")


@pytest.mark.parametrize(("message", "said"), [("''", "no reason given"), ("'one\\ntwo'", "one")])
def test_the_first_line_of_an_error_is_its_reason(message, said, monkeypatch, tmp_path):
    (tmp_path / "broken_too.py").write_text(f"raise OSError({message})")
    monkeypatch.syspath_prepend(tmp_path)
    result = check.check_import("broken_too")
    assert (result.name, result.found, result.required) == ("broken_too", f"fails: OSError: {said}", "to import")

    def fails() -> str:
        raise OSError(*([] if message == "''" else ["one\ntwo"]))

    monkeypatch.setattr(check, "_memory", fails)
    assert check.machine()["memory"] == f"unknown (OSError: {said if said == 'one' else ''})"


def test_the_machine_is_described_even_where_a_package_is_missing(monkeypatch):
    whole = check.machine()
    assert set(whole) == {"system", "device", "cores", "threads", "memory", "bfloat16"}
    assert not any(answer.startswith("unknown") for answer in whole.values())
    assert int(whole["cores"].split()[0]) >= 1
    monkeypatch.setitem(sys.modules, "psutil", None)
    without = check.machine()
    assert without["memory"].startswith("unknown (")
    assert without["device"] == whole["device"]


def test_the_machine_in_words(monkeypatch):
    monkeypatch.setattr(check.platform, "system", lambda: "Linux")
    monkeypatch.setattr(check.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(check, "cores", lambda: 3)
    memory = SimpleNamespace(total=16 * 2**30, available=5.25 * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 8 if logical else 4)
    told = check.machine()
    assert told["system"] == "Linux on x86_64" and told["cores"] == "3 usable (4 physical)"
    assert told["memory"] == "16.0 GiB, 5.2 free"
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: None)
    assert check.machine()["cores"] == "3 usable (unknown physical)"


def test_the_device_and_its_speed_in_words(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H200")
    for cuda, mps, said in (
        (True, False, "cuda (H200)"),
        (False, True, "mps (Apple GPU)"),
        (False, False, "cpu"),
    ):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert check._device() == said
    asked = []
    for precision, said in (
        ("bf16-mixed", "fast, used in training"),
        ("32-true", "emulated and slow; training uses f"),
    ):
        monkeypatch.setattr(
            "course_lib.training.precision.resolve_precision", lambda name, p=precision: asked.append(name) or p
        )
        assert check._bfloat16().startswith(said)
    assert asked == ["auto", "auto"]


# A file of each, as its script leaves it.
FETCHED = {
    "MNIST": "MNIST/raw/train-images-idx3-ubyte",
    "LFW": "lfw/lfw_funneled/Ann_Example/Ann_Example_0001.jpg",
    "CelebA": "celeba/img_align_celeba/000001.jpg",
    "CIFAR-10": "cifar10/cifar-10-batches-py/data_batch_1",
    "RetinaFace": "models/retinaface_mobilenet025.onnx",
    "a teacher": "models/mobilefacenet_teacher.tflite",
    "MobileNetV2": "models/mobilenet_v2-b0353104.pth",
    "EfficientNet-Lite0": "models/efficientnet-lite0-57934424.pth",
}


def test_data_sets_are_found_where_their_scripts_put_them(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert [data.name for data in check.datasets()] == list(FETCHED)
    for number, file in enumerate(FETCHED.values()):
        assert [data.present for data in check.datasets()] == [place < number for place in range(len(FETCHED))]
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert all(data.present for data in check.datasets())
    assert all(data.folder == tmp_path / Path(FETCHED[data.name]).parts[0] for data in check.datasets())


def test_the_scripts_are_told_by_the_data_they_fetch(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    scripts = {data.name: data.script for data in check.datasets()}
    assert scripts.pop("EfficientNet-Lite0") == "data_scripts/get_efficientnet_lite0.py"
    assert scripts.pop("CIFAR-10") == "data_scripts/get_cifar10.py"
    assert scripts == {
        name: f"data_scripts/get_{name.removeprefix('a ').lower().replace('mobilenetv2', 'mobilenet_v2')}.py"
        for name in scripts
    }


def reported(*, met: bool, reason: str = "") -> check.Report:
    results = (check.Result("one", "1", ">=1"), check.Result("two", "1", ">=2", "" if met else "install two"))
    data = (
        check.DataSet("LFW", Path("there"), True, "get_lfw.py"),
        check.DataSet("a teacher", Path("x"), False, "t.py"),
    )
    return check.Report(results, {"system": "Linux"}, () if reason else data, reason)


def test_the_report_word_for_word():
    *results, last = map(str, reported(met=False).results)
    assert str(reported(met=False)).splitlines() == [
        *results,
        *last.splitlines(),
        "",
        "This machine",
        "  system    Linux",
        "",
        "Optional data",
        "  LFW        there",
        "  a teacher  not there; to fetch it: python t.py",
        "",
        "1 of 2 requirements are not met. In a clone, make lab installs all tested versions.",
    ]
    assert str(reported(met=True, reason="no torch")).endswith("\n\nOptional data\n  not looked for: no torch")
    assert (reported(met=False).failed, reported(met=True).failed) == (1, 0)


def test_the_report_as_json_and_the_exit_code(monkeypatch, capsys):
    for met, code in ((True, 0), (False, 1)):
        monkeypatch.setattr(check, "report", lambda met=met: reported(met=met))
        assert check.main(["--json"]) == code
        found = json.loads(capsys.readouterr().out)
        assert found["requirements"] == [
            {"name": "one", "found": "1", "required": ">=1", "fix": "", "ok": True},
            {"name": "two", "found": "1", "required": ">=2", "fix": "" if met else "install two", "ok": met},
        ]
        assert found["machine"] == {"system": "Linux"} and found["not_looked_for"] == ""
        assert found["data"][0] == {"name": "LFW", "folder": "there", "present": True, "script": "get_lfw.py"}
        assert check.main() == code and capsys.readouterr().out == f"{reported(met=met)}\n"
    assert check.main(["--json", "--yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "Error: --yaml is no option here; the only one is --json\n" and captured.out == ""


def test_only_what_is_installed_as_asked_is_imported(monkeypatch):
    imported = []
    monkeypatch.setattr(check, "check_requirements", lambda needs: [check.Result("torch", "9", "<3", "install torch")])
    monkeypatch.setattr(check, "check_import", lambda name: imported.append(name) or check.Result(name, "imports", ""))
    assert [result.name for result in check.report().results] == ["Python", "torch"] and imported == []
    monkeypatch.setattr(check, "check_requirements", lambda needs: [check.Result("torch", "2", "<3")])
    assert [result.name for result in check.report().results] == ["Python", "torch", "torch"] and imported == ["torch"]


def test_the_first_module_that_is_there_is_taken():
    absent = ("no_such.one", "no_such_two")
    assert check._module(*absent, "json", "os") is json
    with pytest.raises(ImportError, match=r'None of no_such\.one, no_such_two is installed\. .*install .*"no_such"$'):
        check._module(*absent)


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
