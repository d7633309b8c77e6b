"""tools/bootstrap.py as a learner runs it: the real script in a copy of the project, with a stand-in for Python."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import bootstrap, environment, installer, weights

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("bootstrap.py", "environment.py", "installer.py", "interpreters.py", "stages.py", "weights.py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a script with a #! line"),
]


class Project:
    """A copy of the project's set-up files, and the stand-in for Python beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a course"  # people have spaces in their paths
        self.python = folder / "python"
        self.log = folder / "calls"
        self.processes: list[subprocess.Popen] = []
        for name in ("Makefile", "pyproject.toml", "constraints.txt", *(f"tools/{script}" for script in SCRIPTS)):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.write("tools/__init__.py", "")
        self.write("notebooks/00_start_here.ipynb", "{}")
        self.need_little_space()
        fake = (Path(__file__).parent / "fake_python.py").read_text(encoding="utf-8")
        self.python.write_text(f"#!{sys.executable} -S\n{fake}", encoding="utf-8")
        self.python.chmod(0o755)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def need_little_space(self) -> None:
        """So that the tests pass on a machine with a nearly full disk."""
        text = (self.root / "tools/environment.py").read_text(encoding="utf-8")
        changed, count = re.subn(r"(SPACE_FOR_AN_UPDATE) = .*", r"\1 = 0.0, 0.0, 0.0", text, count=1)
        assert count == 1
        self.write("tools/environment.py", changed)

    def settings(self, fault: str, changes: dict[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("CPU", "DISPLAY", "MAKEFLAGS")}
        return {**kept, "PYTHON": str(self.python), "FAKE_LOG": str(self.log), "FAKE_FAULT": fault, **changes}

    def run(self, *command: str, fault: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("", encoding="utf-8")
        line = [sys.executable, str(self.root / "tools/bootstrap.py"), *command]
        return subprocess.run(line, env=self.settings(fault, changes), capture_output=True, text=True, timeout=60)

    def start_slow_installation(self) -> subprocess.Popen:
        """``make lab``, stopped in the middle of pip's work."""
        line = [sys.executable, str(self.root / "tools/bootstrap.py"), "lab"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(line, env=self.settings("slow", {}), start_new_session=True, **pipes)
        self.processes.append(process)
        while "half installed" not in (said := process.stdout.readline()):
            assert said, process.stderr.read()
        return process

    @property
    def calls(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def called(self, module: str) -> list[list[str]]:
        """The arguments of each ``python -m MODULE`` of the last run."""
        return [call["arguments"][2:] for call in self.calls if call["arguments"][:2] == ["-m", module]]

    @property
    def fetched(self) -> list[list[str]]:
        """The arguments of each ``python data_scripts/get_retinaface.py`` of the last run."""
        return [call["arguments"][1:] for call in self.calls if call["arguments"][0] == weights.SCRIPT]

    @property
    def stamp(self) -> Path:
        return self.root / ".venv/face-course.json"


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    yield project
    for process in project.processes:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def assert_clear(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """The run failed with these words and no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for words in expected:
        assert words in done.stderr


# --- The usual way ---


def test_the_first_run_builds_installs_the_tested_set_and_opens_the_first_notebook(project):
    done = project.run("lab", "--no-browser", "--port", "8899")
    assert done.returncode == 0, done.stderr
    assert project.called("venv") == [[str(project.root / ".venv")]]
    assert [call[-5:] for call in project.called("pip")] == [["install", "-c", "constraints.txt", "-e", ".[dev]"]]
    (jupyter,) = project.called("jupyterlab")
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in jupyter
    assert jupyter[-3:] == ["--no-browser", "--port", "8899"]
    assert ("--allow-root" in jupyter) == (os.geteuid() == 0)
    assert f"--ServerApp.root_dir={project.root}" in jupyter


def test_temporary_files_of_an_installation_stay_in_the_project(project):
    project.run("lab")
    (pip,) = (call for call in project.calls if call["arguments"][:2] == ["-m", "pip"])
    assert pip["TMPDIR"] == str(project.root / ".cache/tmp")
    assert pip["PIP_USER"] == "0"
    assert not (project.root / ".cache/tmp").exists()


def test_the_second_run_installs_nothing_and_is_quick(project):
    project.run("lab")
    began = time.monotonic()
    assert project.run("lab").returncode == 0
    assert time.monotonic() - began < 3
    assert not project.called("pip") and not project.called("venv")
    assert len(project.called("jupyterlab")) == 1


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_passes_arguments_and_settings_on(project):
    settings = project.settings("", {"PYTHON": "unused"})
    line = ["make", "lab", f"PYTHON={project.python}", "ARGS=--no-browser --port 8899"]
    done = subprocess.run(line, cwd=project.root, env=settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert project.called("jupyterlab")[0][-3:] == ["--no-browser", "--port", "8899"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be without a screen")
def test_where_no_browser_can_open_the_user_is_told(project):
    without = {name: "" for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}
    done = project.run("lab", **without)
    assert "No browser can open here" in done.stdout
    assert "--no-browser" in project.called("jupyterlab")[0]
    project.run("lab", **{**without, "DISPLAY": ":0"})
    assert "--no-browser" not in project.called("jupyterlab")[0]


@pytest.mark.slow
@pytest.mark.parametrize("file", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed_into_the_same_environment(project, file):
    project.run("lab")
    project.write(file, (project.root / file).read_text(encoding="utf-8") + "\n# changed\n")
    done = project.run("lab")
    assert "The required versions have changed. Mending" in done.stdout
    assert len(project.called("pip")) == 1 and not project.called("venv")


def test_a_moved_project_gets_a_new_environment(project, tmp_path):
    project.run("lab")
    project.root = project.root.rename(tmp_path / "moved")
    done = project.run("lab")
    assert "moved or copied. Building" in done.stdout
    assert len(project.called("venv")) == 1
    assert not project.run("lab").stdout.startswith("[face-course] The")


def test_an_environment_without_a_running_python_is_built_anew(project):
    project.run("lab")
    (project.root / ".venv/bin/python").unlink()
    assert "does not run. Building" in project.run("lab").stdout
    assert len(project.called("venv")) == 1


def test_an_environment_made_by_hand_is_completed_not_replaced(project):
    project.run("lab")
    project.stamp.unlink()
    (project.root / ".venv/mine").touch()
    assert "Mending" in project.run("lab").stdout
    assert (project.root / ".venv/mine").exists()


def test_an_unreadable_stamp_counts_as_none(project):
    project.run("lab")
    project.stamp.write_text('{"fingerprint": ', encoding="utf-8")
    assert "was not finished. Mending" in project.run("lab").stdout
    assert json.loads(project.stamp.read_text(encoding="utf-8"))["python"] == "3.11"


# --- What goes wrong ---


def test_a_python_without_venv_is_told_how_to_get_it(project):
    assert_clear(
        project.run("lab", fault="no venv"), "its module venv or ensurepip", "sudo apt install python3.11-venv"
    )
    assert project.run("lab").returncode == 0


def test_a_full_disk_is_named_and_the_next_run_goes_on(project):
    done = project.run("lab", fault="disk full")
    assert_clear(done, "The disk is full.", "Free some space", ".cache/pip.log")
    assert not project.stamp.exists()
    assert project.run("lab").returncode == 0
    assert project.stamp.exists()


def test_too_little_space_is_said_before_anything_is_downloaded(monkeypatch):
    monkeypatch.setattr(environment, "has_torch", lambda: False)
    monkeypatch.setattr(environment.sys, "platform", "linux")
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 0, 4 * 10**9))
    environment.check_space(cpu=True)
    with pytest.raises(installer.SetupError, match=r"4\.0 GB free; .* needs 7 GB.\nFree some space, or add CPU=1"):
        environment.check_space(cpu=False)


def test_an_unreachable_index_is_named(project):
    assert_clear(project.run("lab", fault="offline"), "The package index could not be reached.", "HTTPS_PROXY")


def test_ctrl_c_is_answered_and_the_next_run_mends_what_was_half_installed(project):
    process = project.start_slow_installation()
    os.killpg(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted. Give the same command to go on: make lab" in complaints
    assert not project.stamp.exists()
    assert list((project.root / ".venv").rglob("half-1.0.dist-info"))
    done = project.run("lab")
    assert "was not finished. Mending" in done.stdout
    assert not list((project.root / ".venv").rglob("half-1.0.dist-info")), "pip would believe that it is installed"
    assert len(project.called("pip")) == 1 and project.stamp.exists()


def test_a_pip_that_outlives_a_killed_run_is_waited_for(project):
    process = project.start_slow_installation()
    process.kill()  # SIGKILL, of the script alone
    process.wait()
    assert_clear(project.run("lab"), "Another set-up of this project is running.")
    os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (done := project.run("lab")).returncode != 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert done.returncode == 0 and project.stamp.exists()


@pytest.mark.slow
def test_sigterm_ends_pip_too(project):
    process = project.start_slow_installation()
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert project.run("lab").returncode == 0, "the lock is free again"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PYTHON": "/nowhere/python"}, "PYTHON=/nowhere/python does not run."),
        ({"FAKE_VERSION": "3 9"}, "is Python 3.9; the course needs 3.10 to 3.13."),
        ({"FAKE_VERSION": "3 14"}, "is Python 3.14; the course needs 3.10 to 3.13."),
        ({"CPU": "yes"}, "CPU=yes is neither 1"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(project, changes, words):
    assert_clear(project.run("lab", **changes), words)
    assert not (project.root / ".venv").exists()


def test_without_a_supported_python_the_found_ones_are_listed(project):
    """The stand-in is the only Python that can be found, and it is too old."""
    folder = project.root / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(project.python)
    code = (
        "import sys; sys.executable = sys.base_prefix = sys.prefix = ''; import tools.bootstrap as b; b.main(['lab'])"
    )
    settings = project.settings("", {"PYTHON": "", "FAKE_VERSION": "3 9", "PATH": str(folder)})
    done = subprocess.run([sys.executable, "-c", code], cwd=project.root, env=settings, capture_output=True, text=True)
    assert f"The course needs Python 3.10 to 3.13. Found: {folder}/python3 is 3.9." in done.stderr
    assert "Traceback" not in done.stderr


# --- PyTorch without CUDA ---


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the standard build has no CUDA")
def test_cpu_takes_the_tested_pair_from_pytorchs_index_and_is_remembered(project):
    assert project.run("lab", CPU="1").returncode == 0
    first, second = project.called("pip")
    assert first[-2:] == ["torch==2.14.1+cpu", "torchvision==0.29.1+cpu"]
    assert first[first.index("--index-url") + 1] == "https://download.pytorch.org/whl/cpu"
    assert second[-1] == ".[dev]"
    project.run("lab")
    assert not project.called("pip"), "without CPU the environment stays as it is"
    assert "other build of PyTorch. Building" in project.run("lab", CPU="0").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the standard build has no CUDA")
def test_where_pytorchs_index_cannot_be_reached_the_standard_build_is_taken(project):
    done = project.run("lab", CPU="1", fault="no cpu index")
    assert done.returncode == 0
    assert "could not be had from https://download.pytorch.org/whl/cpu" in done.stdout
    project.run("lab", CPU="1")
    assert not project.called("pip"), "it is not tried again at every start"


# --- The detector's weights ---


@pytest.mark.slow
def test_a_new_environment_fetches_the_weights_once_for_the_user_and_once_for_the_tests(project):
    project.run("lab")
    assert project.fetched == [["--quiet", "--timeout", "8"]]
    for command in (["lab"], ["bench"]):
        project.run(*command)
        assert project.fetched == []
    project.run("test")
    assert project.fetched == [["--folder", ".cache/data", "--quiet", "--timeout", "8"]]
    for command in (["test"], ["notebooks", "04"], ["lab"]):
        project.run(*command)
        assert project.fetched == []


def test_the_users_own_data_folder_is_the_scripts_to_find(project):
    project.run("lab", COURSE_DATA="/mine")
    (call,) = (call for call in project.calls if call["arguments"][0] == weights.SCRIPT)
    assert call["COURSE_DATA"] == "/mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "later"), [("lab", weights.SCRIPT), ("test", f"{weights.SCRIPT} --folder .cache/data")]
)
def test_without_network_one_line_says_what_to_run_and_all_goes_on(project, command, later):
    done = project.run(command, fault=weights.SCRIPT)
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr
    (line,) = (line for line in done.stdout.splitlines() if "RetinaFace" in line)
    assert line.endswith(f"all else works. Later: .venv/bin/python {later}")
    done = project.run(command, fault=weights.SCRIPT)
    assert project.fetched == [] and "RetinaFace" not in done.stdout, "it is not tried again at every start"


def test_a_mended_or_rebuilt_environment_tries_again(project):
    project.run("lab", fault=weights.SCRIPT)
    project.write("constraints.txt", (project.root / "constraints.txt").read_text(encoding="utf-8") + "\n# changed\n")
    project.run("lab")
    assert len(project.fetched) == 1


def test_an_environment_older_than_this_fetches_too(project):
    project.run("lab")
    (project.root / ".cache/weights-own.log").unlink()
    project.run("lab")
    assert len(project.fetched) == 1 and not project.called("pip")


def test_what_the_script_said_can_be_read(project):
    said = project.root / ".cache/weights-own.log"
    project.run("lab")
    assert said.read_text(encoding="utf-8") == "fetching\n"


def test_an_interrupted_try_does_not_count(monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "CACHE", tmp_path)
    monkeypatch.setattr(weights.subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        weights.fetch_once()
    assert list(tmp_path.iterdir()) == []


# --- What an interrupted pip leaves ---


def write_record(site: Path, rows: str) -> Path:
    record = site / "thing-1.0.dist-info"
    record.mkdir()
    (record / "RECORD").write_text(rows, encoding="utf-8")
    (site / "thing.py").write_text("12345", encoding="utf-8")
    return record


@pytest.mark.parametrize(
    ("rows", "whole"),
    [
        ("thing.py,sha256=x,5\nthing-1.0.dist-info/RECORD,,\n", True),
        ("thing.py,sha256=x,6\n", False),
        ("absent.py,sha256=x,5\n", False),
        ("thing.py,sha256=x,five\n", False),
        ("thing.py\n", False),
        ("", False),
    ],
)
def test_a_package_is_whole_if_every_listed_file_has_its_size(tmp_path, rows, whole):
    record = write_record(tmp_path, rows)
    assert environment.is_whole(record) is whole
    (tmp_path / "~orch").mkdir()
    assert environment.forget_broken_packages(tmp_path) == ([] if whole else ["thing"])
    assert record.exists() is whole
    assert not (tmp_path / "~orch").exists()


def test_a_package_without_a_record_is_not_whole(tmp_path):
    (tmp_path / "thing-1.0.dist-info").mkdir()
    assert not environment.is_whole(tmp_path / "thing-1.0.dist-info")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 122] Disk quota exceeded", "The disk is full."),
        ("[WinError 112] There is not enough space on the disk", "The disk is full."),
        ("ssl.SSLError: CERTIFICATE_VERIFY_FAILED", "certificate was not accepted"),
        ("ERROR: No matching distribution found for torch==2.14.1", "not offered for this Python"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "A download arrived broken."),
        ("one\ntwo\nsomething nobody foresaw", "something nobody foresaw"),
    ],
)
def test_what_pip_says_becomes_a_sentence(output, words):
    error = installer.SetupError.from_output("It stopped", output)
    assert words in str(error)
    assert "give the same command again" in str(error)
    assert error.disk_is_full == ("disk is full" in str(error))


# --- The other commands ---


def test_test_runs_every_stage_even_where_one_fails(project):
    done = project.run("test", fault="check", COURSE_FULL="1")  # ruff check fails
    assert done.returncode == 1
    assert [call[0] for call in project.called("ruff")] == ["check", "format"]
    unit, notebooks = project.called("pytest")
    assert unit[:2] == ["-n", "2"] and not {"-m", "-k", "--ignore"} & set(unit)
    assert {"--nbval", "--nbval-current-env", "--nbval-sanitize-with", "loadscope"} <= set(notebooks)
    assert "notebooks/00_start_here.ipynb" in notebooks
    ((report, _),) = project.called("tools.notebook_twice")  # all of them
    assert report.startswith("--junitxml=")
    stages = ("lint +FAILED", "unit tests +passed", "notebooks +passed", "notebooks, each cell twice +passed")
    assert re.search("".join(rf"\n{stage} in \d+ s" for stage in stages) + "\n$", done.stdout)


def slowest(done: subprocess.CompletedProcess[str], stage: str) -> list[str]:
    """What is told of a stage, a line a test."""
    _, _, told = done.stdout.partition(f"\nThe slowest of the stage {stage}:\n")
    return told.partition("\n\n")[0].splitlines()


def test_test_ends_with_the_ten_slowest_of_each_stage(project):
    done = project.run("test")
    for stage in ("unit tests", "notebooks", "notebooks, each cell twice"):
        found = [line.split() for line in slowest(done, stage)]
        assert found == [[f"{i}.0", "s", f"tests/test_a.py::test_{i}"] for i in range(11, 1, -1)]
    assert slowest(done, "lint") == []


def test_what_the_last_run_reported_is_not_told_again(project):
    project.run("test")
    done = project.run("test", fault="pytest")  # it ends without a report
    assert done.returncode == 1 and not slowest(done, "unit tests")
    assert re.search(r"unit tests +FAILED", done.stdout)


def test_the_quick_tests_are_lint_and_what_is_not_marked_slow(project):
    done = project.run("test-quick")
    assert done.returncode == 0
    assert [call[0] for call in project.called("ruff")] == ["check", "format"]
    (tests,) = project.called("pytest")
    assert tests[tests.index("-m") : tests.index("-m") + 2] == ["-m", "not slow"] and tests[:2] == ["-n", "2"]
    assert ["<- mark it slow" in line for line in slowest(done, "quick tests")] == [True] * 9 + [False]
    assert re.search(r"\nlint +passed in \d+ s\nquick tests +passed in \d+ s\n$", done.stdout)
    assert project.run("test-quick", fault="pytest").returncode == 1


@pytest.mark.slow
def test_test_adds_executorch_once_and_a_learner_does_without(project):
    project.run("lab")
    assert not any(word.startswith("executorch") for call in project.called("pip") for word in call)
    done = project.run("test")
    wanted = f"executorch=={environment.tested_version('executorch')}"
    assert [call[-4:] for call in project.called("pip")] == [["install", "-c", "constraints.txt", wanted]]
    assert done.returncode == 0
    project.run("test")
    assert not project.called("pip")


def test_where_executorch_cannot_be_had_the_tests_run_without_it(project):
    done = project.run("test", fault="no executorch")
    assert done.returncode == 0 and len(project.called("pytest")) == 2
    assert "ExecuTorch could not be installed, so its tests are skipped" in done.stdout


def test_test_does_not_depend_on_the_users_settings(project):
    project.run("test", COURSE_FULL="1", COURSE_DATA="/mine", PYTHONPATH="/mine")
    unit, notebooks = (call for call in project.calls if call["arguments"][:2] == ["-m", "pytest"])
    for call in (unit, notebooks):
        assert call["COURSE_FULL"] is None and call["PYTHONPATH"] is None
        assert call["COURSE_DATA"] == str(project.root / ".cache/data")
        assert call["OMP_WAIT_POLICY"] == "PASSIVE"
    assert unit["OMP_NUM_THREADS"] == "1"
    assert int(notebooks["OMP_NUM_THREADS"]) == max(1, os.cpu_count() // 2)


def test_test_without_notebooks_fails_loudly(project):
    (project.root / "notebooks/00_start_here.ipynb").unlink()
    assert_clear(project.run("test"), "There are no notebooks in notebooks/.")


def test_test_works_with_standard_input_closed(project):
    line = f'"{sys.executable}" tools/bootstrap.py test <&-'
    settings = project.settings("", {})
    done = subprocess.run(line, shell=True, cwd=project.root, env=settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_notebooks_bench_and_web_pass_arguments_on(project):
    assert project.run("notebooks", "04").returncode == 0
    assert project.calls[-1]["arguments"] == ["tools/notebooks.py", "04"]
    assert project.run("bench", "--quick").returncode == 0
    assert project.called("benchmarks") == [["--quick"]]
    assert project.run("web", "--port", "8010").returncode == 0
    assert project.calls[-1]["arguments"] == ["tools/web.py", "--port", "8010"]


def test_clean_removes_what_was_built_and_nothing_else(project):
    project.run("lab")
    for built in ("tools/__pycache__/old.pyc", "web/dist/index.html", "web/node_modules/a/a.js", "web/index.html"):
        project.write(built, "")
    assert project.run("clean").returncode == 0
    assert [path.name for path in (project.root / "web").iterdir()] == ["index.html"]
    assert not {".venv", ".cache"} & {path.name for path in project.root.iterdir()}
    assert not list(project.root.rglob("__pycache__"))
    assert (project.root / "notebooks/00_start_here.ipynb").exists()


def test_a_wrong_command_and_unwanted_arguments_are_refused(project):
    wrong = project.run("tests")
    assert wrong.returncode == 2 and "There is no command 'tests'. The commands are: help, lab, test" in wrong.stderr
    unwanted = project.run("test", "-k", "one")
    assert unwanted.returncode == 2 and "takes no arguments, but was given: -k one" in unwanted.stderr


def test_help_and_makefile_name_every_command(project):
    shown = project.run("help").stdout
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^([a-z -]+):\n\t", makefile, re.MULTILINE)[1].split()
    assert set(targets) == {"help", *bootstrap.COMMANDS}
    assert all(re.search(rf"^ +{command}  +\w", shown, re.MULTILINE) for command in targets)
    assert project.run().stdout == shown


def test_continuous_integration_runs_exactly_make_test():
    script = ROOT / ".ci/run"
    lines = [
        line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith(("#", "set "))
    ]
    assert lines[-1] == "exec make test </dev/null" and len(lines) == 2
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_old_python_can_read_the_scripts(script):
    """So that Python 3.8 and 3.9 say what is needed, and do not stop at a syntax error."""
    ast.parse((ROOT / "tools" / script).read_text(encoding="utf-8"), feature_version=(3, 8))
