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

from tools import bootstrap, environment, installer, sizes, weights

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bootstrap", "environment", "installer", "interpreters", "sizes", "stages", "weights")
SCRIPTS = (*(f"tools/{name}.py" for name in TOOLS), "course_lib/browser.py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a script with a #! line"),
]


class Project:
    """A copy of the project's set-up files, and the stand-in for Python and for uv beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a course"  # people have spaces in their paths
        self.path = folder / "bin"
        self.python = self.path / "stand-in"
        self.log = folder / "calls"
        self.processes: list[subprocess.Popen] = []
        files = ("Makefile", "pyproject.toml", "uv.lock", "constraints.txt")
        for name in (*files, *SCRIPTS):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.write("tools/__init__.py", "")
        self.write("notebooks/00_start_here.ipynb", "{}")
        self.need("0.0, 0.0, 0.0")  # so that the tests pass on a machine with a nearly full disk
        fake = (Path(__file__).parent / "fake_python.py").read_text(encoding="utf-8")
        self.path.mkdir()
        for name in (self.python.name, "uv"):
            (self.path / name).write_text(f"#!{sys.executable} -S\n{fake}", encoding="utf-8")
            (self.path / name).chmod(0o755)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def need(self, gigabytes: str) -> None:
        """What an installation takes on the disk, with CUDA, without, and to change."""
        text = (self.root / "tools/environment.py").read_text(encoding="utf-8")
        changed, count = re.subn(r"(SPACE_FOR_AN_UPDATE) = .*", rf"\1 = {gigabytes}", text, count=1)
        assert count == 1
        self.write("tools/environment.py", changed)

    def settings(self, fault: str, changes: dict[str, str]) -> dict[str, str]:
        unset = ("GPU", "PIP", "UV_TORCH_BACKEND", "DISPLAY", "MAKEFLAGS")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        path = os.pathsep.join([str(self.path), *os.environ["PATH"].split(os.pathsep)])
        fake = {"PYTHON": str(self.python), "PATH": path, "FAKE_LOG": str(self.log), "FAKE_FAULT": fault}
        return {**kept, **fake, "GPU": "1", **changes}

    def run(self, *command: str, fault: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
        self.log.write_text("", encoding="utf-8")
        line = [sys.executable, str(self.root / "tools/bootstrap.py"), *command]
        return subprocess.run(line, env=self.settings(fault, changes), capture_output=True, text=True, timeout=60)

    def start_slow_installation(self) -> subprocess.Popen:
        """``make lab``, stopped in the middle of uv's work."""
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

    def by_uv(self, command: str) -> list[list[str]]:
        """The arguments of each ``uv COMMAND`` of the last run, less dry runs."""
        ran = [call["arguments"] for call in self.calls if call["program"] == "uv"]
        return [line[1:] for line in ran if line[0] == command and "--dry-run" not in line]

    @property
    def fetched(self) -> list[list[str]]:
        """The arguments of each ``python data_scripts/get_retinaface.py`` of the last run."""
        return [call["arguments"][1:] for call in self.calls if call["arguments"][0] == weights.SCRIPT]

    @property
    def stamp(self) -> dict:
        return json.loads((self.root / ".venv/face-course.json").read_text(encoding="utf-8"))


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


def assert_clear(project: Project, done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """The run failed with these words and no traceback, and left nothing half done."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for words in expected:
        assert words in done.stderr
    assert not (project.root / ".venv").exists() and not (project.root / ".cache/tmp").exists()


# --- The usual way ---


def test_the_first_run_builds_installs_the_locked_set_and_opens_the_first_notebook(project):
    done = project.run("lab", "--no-browser", "--port", "8899")
    assert done.returncode == 0, done.stderr
    (made,) = project.by_uv("venv")
    assert made[-3:] == ["--python", str(project.python), str(project.root / ".venv")]
    hashed = str(project.root / ".cache/constraints.txt")
    assert [call[-4:] for call in project.by_uv("pip")] == [["-c", hashed, "-e", ".[dev]"]]
    (jupyter,) = project.called("jupyterlab")
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in jupyter
    assert jupyter[-3:] == ["--no-browser", "--port", "8899"]
    assert ("--allow-root" in jupyter) == (os.geteuid() == 0)
    assert f"--ServerApp.root_dir={project.root}" in jupyter
    assert project.stamp["python"] == "3.11"


def test_the_second_run_installs_nothing_and_is_quick(project):
    project.run("lab")
    began = time.monotonic()
    assert project.run("lab").returncode == 0
    assert time.monotonic() - began < 3
    assert not [call for call in project.calls if call["program"] == "uv"]
    assert len(project.called("jupyterlab")) == 1


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_passes_arguments_and_settings_on(project):
    settings = project.settings("", {"PYTHON": "unused"})
    line = ["make", "lab", f"PYTHON={project.python}", "PIP=1", "GPU=1", "ARGS=--no-browser --port 8899"]
    done = subprocess.run(line, cwd=project.root, env=settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert project.called("jupyterlab")[0][-3:] == ["--no-browser", "--port", "8899"]
    assert project.called("pip") and project.stamp["torch"] == environment.AS_SERVED


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("usable", [[], ["python3.12"], ["mine"]])
def test_make_passes_over_pythons_that_cannot_read_the_script(project, usable):
    for name in ("python3", "python", *usable):
        answer = 'exec "$STAND_IN" "$@"' if name in usable else "exit 1"  # as 2.7 and 3.6 answer
        (project.path / name).write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
        (project.path / name).chmod(0o755)
    for name in ("make", "sh", "env"):
        (project.path / name).symlink_to(shutil.which(name))
    settings = {**project.settings("", {}), "PATH": str(project.path), "STAND_IN": sys.executable}
    line = ["make", "help", f"PYTHON={project.path / 'mine' if usable == ['mine'] else ''}"]
    done = subprocess.run(line, cwd=project.root, env=settings, capture_output=True, text=True, timeout=60)
    if usable:
        assert "open the course in JupyterLab" in done.stdout, done.stderr
    else:
        assert "No Python from 3.8 on was found. Install Python 3.10 to 3.14" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be without a screen")
def test_where_no_browser_can_open_the_user_is_told(project):
    without = {name: "" for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}
    done = project.run("lab", **without)
    assert "No browser can open here" in done.stdout
    assert "--no-browser" in project.called("jupyterlab")[0]
    project.run("lab", **{**without, "DISPLAY": ":0"})
    assert "--no-browser" not in project.called("jupyterlab")[0]


@pytest.mark.parametrize("file", ["pyproject.toml", "uv.lock"])
def test_changed_requirements_are_installed_into_the_same_environment(project, file):
    project.run("lab")
    project.write(file, (project.root / file).read_text(encoding="utf-8") + "\n# changed\n")
    done = project.run("lab")
    assert "The required versions have changed. Mending" in done.stdout
    assert len(project.by_uv("pip")) == 1 and not project.by_uv("venv")


def test_an_environment_made_by_hand_is_completed_not_replaced(project):
    project.run("lab")
    (project.root / ".venv/face-course.json").unlink()
    (project.root / ".venv/mine").touch()
    assert "made by hand. Mending" in project.run("lab").stdout
    assert (project.root / ".venv/mine").exists()


def moved(project):
    project.root = project.root.rename(project.root.with_name("moved"))


def without_python(project):
    (project.root / ".venv/bin/python").unlink()


def half_stamped(project):
    project.write(".venv/face-course.json", '{"fingerprint": ')


def of_another_python(project):
    project.write(".venv/face-course.json", json.dumps({**project.stamp, "python": "3.12"}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (moved, "moved or copied. Building"),
        (without_python, "does not run. Building"),
        (half_stamped, "was not finished. Building"),
        (of_another_python, "is of Python 3.12. Building"),
    ],
)
def test_an_environment_that_cannot_be_mended_is_built_anew(project, damage, words):
    project.run("lab")
    damage(project)
    assert words in project.run("lab").stdout
    assert len(project.by_uv("venv")) == 1 and project.stamp["root"] == str(project.root)
    assert not project.run("lab").stdout.startswith("[face-course] The environment")


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_a_folder_of_any_name_is_found_in_every_locale(monkeypatch, tmp_path, locale):
    root = tmp_path / os.fsdecode("über uns".encode())
    site = root / ".venv/lib/python3.11/site-packages"
    site.mkdir(parents=True)
    (site / "_face_course.pth").write_bytes(os.fsencode(root))  # as the builder writes it
    (root / "its_module.py").touch()
    monkeypatch.setattr(environment, "ROOT", root)
    monkeypatch.setattr(environment, "VENV", root / ".venv")
    environment.spell_project()
    code = f"import os, site; site.addsitedir(os.fsdecode({os.fsencode(site)!r})); import its_module"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **locale}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_file_in_the_place_of_the_environment_makes_way(project):
    project.write(".venv", "/home/ada/.virtualenvs/course")
    assert project.run("lab").returncode == 0 and (project.root / ".venv").is_dir()


def test_a_link_to_a_disk_that_is_not_there_is_left_alone(project):
    (project.root / ".venv").symlink_to(project.root.parent / "unplugged")
    done = project.run("lab")
    assert done.returncode == 1 and "unplugged, which is not there.\nMake that folder, or remove" in done.stderr
    assert (project.root / ".venv").is_symlink()


@pytest.mark.skipif(sys.platform != "linux", reason="folders of one disk")
def test_the_space_that_counts_is_that_of_the_environments_disk(project, monkeypatch):
    there = {str(project.root): 1e9, str(project.root / ".venv"): 9e9}
    monkeypatch.setattr(environment, "ROOT", project.root)
    monkeypatch.setattr(environment, "VENV", project.root / ".venv")
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, there[path]))
    with pytest.raises(installer.SetupError, match="a course has 1.0 GB free"):
        environment.check_space("cpu", mend=False)
    (project.root / ".venv").mkdir()
    environment.check_space("cpu", mend=False)


def test_an_environment_on_another_disk_stays_there(project):
    (project.root.parent / "large").mkdir()
    (project.root / ".venv").symlink_to(project.root.parent / "large")
    assert project.run("lab").returncode == 0
    assert (project.root / ".venv").is_symlink() and (project.root.parent / "large/face-course.json").exists()


# --- uv, or pip ---


def test_without_uv_the_project_gets_one_of_its_own(project):
    (project.path / "uv").unlink()
    done = project.run("lab", PATH=str(project.path))
    assert done.returncode == 0 and "Fetching uv" in done.stdout
    assert project.called("pip")[0][-1] == installer.WANTED_UV and len(project.by_uv("pip")) == 1
    project.write("uv.lock", "")
    assert "Fetching uv" not in project.run("lab", PATH=str(project.path)).stdout
    assert len(project.by_uv("pip")) == 1


def test_a_uv_that_is_too_old_is_left_alone(project):
    assert "Fetching uv" in project.run("lab", FAKE_UV="uv 0.12.24 (abc 2026-09-23)").stdout


def test_where_no_uv_is_offered_pip_installs_the_same_versions(project):
    (project.path / "uv").unlink()
    done = project.run("lab", PATH=str(project.path), fault="no uv")
    assert done.returncode == 0 and "Going on with pip" in done.stdout
    assert project.called("venv")[-1] == [str(project.root / ".venv")]
    *_, last = project.called("pip")
    assert last[-4:] == ["-c", str(project.root / "constraints.txt"), "-e", ".[dev]"]
    (*_, pip) = (call for call in project.calls if call["arguments"][:2] == ["-m", "pip"])
    assert pip["TMPDIR"] == str(project.root / ".cache/tmp") and pip["PIP_USER"] == "0"


# --- What goes wrong ---


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("offline", "The package index could not be reached.\nCheck the network"),
        ("proxy", "The package index could not be reached.\nCheck the network; behind a proxy set HTTPS_PROXY"),
        ("certificate", "point SSL_CERT_FILE"),
        ("no space", "The disk is full.\nFree some space"),
        ("nothing offered", "not offered for this Python"),
        ("index without packages", "given for the package index does not lead to one.\nSet UV_DEFAULT_INDEX"),
        ("no index", "given for the package index does not lead to one.\nSet UV_DEFAULT_INDEX"),
        ("breaks off", "The installation stopped; the lines above say why."),
        ("broken uv", "uv does not run.\nMend or remove it, or do without it: make lab PIP=1"),
        ("locked proxy", "The package index could not be reached.\nCheck the network; behind a proxy set HTTPS_PROXY"),
    ],
)
def test_a_failed_installation_ends_in_a_sentence_and_the_next_run_succeeds(project, fault, words):
    assert_clear(project, project.run("lab", fault=fault), words)
    assert project.run("lab").returncode == 0 and project.stamp["fingerprint"]


@pytest.mark.parametrize("fault", ["no venv", "offline", "proxy"])
def test_without_uv_and_without_what_it_takes_to_get_it(project, fault):
    (project.path / "uv").unlink()
    words = "sudo apt install python3-venv" if fault == "no venv" else "uv could not be installed. The package index"
    assert_clear(project, project.run("lab", fault=fault, PATH=str(project.path)), words)
    assert not (project.root / ".cache/uv").exists()


def test_a_uv_that_hangs_is_broken_too(monkeypatch, tmp_path):
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    uv.chmod(0o755)
    monkeypatch.setattr(installer, "SECONDS", 0.2)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("PIP", raising=False)
    with pytest.raises(installer.SetupError, match="uv does not run"):
        installer.find_uv(sys.executable)


@pytest.mark.parametrize("what", ["a folder", "not to be run"])
def test_what_is_called_uv_and_is_no_program_is_passed_over(project, what):
    (project.path / "uv").unlink()
    (project.path / "uv").mkdir() if what == "a folder" else (project.path / "uv").write_text("", encoding="utf-8")
    assert "Fetching uv" in project.run("lab", PATH=str(project.path)).stdout


def test_too_little_space_is_said_before_anything_is_downloaded(project):
    project.need("9e9, 8e9, 0")
    assert_clear(project, project.run("lab"), "the installation needs 9e+09 GB (without CUDA, with GPU=0, 8e+09 GB)")
    assert not project.by_uv("export")


def test_a_folder_that_cannot_be_written_is_named(project):
    project.write(".cache", "not a folder")
    assert_clear(project, project.run("lab"), f"make lab stopped at {project.root / '.cache'}")


def test_a_finished_environment_is_used_where_nothing_can_be_written(project):
    project.run("lab")
    log = project.root / ".cache/weights-own.log"
    log.unlink()
    log.mkdir()  # as on a disk that is read-only, which a test run by root cannot make
    os.utime(log, (0, 0))
    assert project.run("lab").returncode == 0 and project.called("jupyterlab") and project.fetched


def test_an_update_that_fails_is_not_taken_for_finished(project):
    project.run("lab")
    project.write("uv.lock", "")
    assert project.run("lab", fault="breaks off").returncode == 1
    assert "was not finished. Building" in project.run("lab").stdout


def test_ctrl_c_is_answered_and_leaves_nothing_half_installed(project):
    process = project.start_slow_installation()
    os.killpg(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Interrupted. Give the same command to go on: make lab" in complaints
    assert not (project.root / ".venv").exists() and not (project.root / ".cache/tmp").exists()


def test_a_uv_that_outlives_a_killed_run_is_waited_for(project):
    process = project.start_slow_installation()
    process.kill()  # SIGKILL, of the script alone
    process.wait()
    assert "Another set-up of this project is running." in project.run("lab").stderr
    os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (done := project.run("lab")).returncode != 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert done.returncode == 0 and "was not finished. Building" in done.stdout
    assert not list((project.root / ".venv").rglob("half-1.0.dist-info")), "uv would believe that it is installed"


def test_sigterm_ends_uv_too(project):
    process = project.start_slow_installation()
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert project.run("lab").returncode == 0, "the lock is free again"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PYTHON": "/nowhere/python"}, "PYTHON=/nowhere/python does not run."),
        ({"FAKE_VERSION": "3 9"}, "is Python 3.9; the course needs 3.10 to 3.14."),
        ({"FAKE_VERSION": "3 15"}, "is Python 3.15; the course needs 3.10 to 3.14."),
        ({"GPU": "yes"}, "GPU=yes is neither 1"),
        ({"GPU": "", "UV_TORCH_BACKEND": "cuda"}, "UV_TORCH_BACKEND=cuda is no build of PyTorch."),
    ],
)
def test_settings_that_cannot_be_met_are_refused(project, changes, words):
    assert_clear(project, project.run("lab", **changes), words)


@pytest.mark.parametrize("pip", ["", "1"])
def test_where_this_python_is_not_supported_uv_finds_another_and_pip_cannot(project, pip):
    """The stand-in is the Python that runs the script, and it is too old."""
    code = f"import sys; sys.executable = {str(project.python)!r}; sys.prefix = sys.base_prefix"
    line = [sys.executable, "-c", f"{code}; from tools import bootstrap; sys.exit(bootstrap.main(['lint']))"]
    settings = project.settings("", {"PYTHON": "", "FAKE_VERSION": "3 9", "PIP": pip})
    done = subprocess.run(line, cwd=project.root, env=settings, capture_output=True, text=True)
    if pip:
        assert_clear(project, done, "is Python 3.9; the course needs 3.10 to 3.14.", "make lab PYTHON=")
    else:
        assert "--python" not in project.by_uv("venv")[0]


# --- The build of PyTorch, and how much there is to download ---


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the standard build has no CUDA")
@pytest.mark.parametrize("driver", [0, 100, None])  # cuInit's answer: a GPU, none; and no driver
def test_the_build_is_the_one_for_cpus_unless_nvidias_driver_finds_a_gpu(monkeypatch, driver):
    class Driver:
        def __init__(self, name):
            if driver is None:
                raise OSError(name)

        def cuInit(self, flags):
            return driver

    monkeypatch.setattr(environment.ctypes, "CDLL", Driver)
    assert environment.suitable_torch() == (environment.AS_SERVED if driver == 0 else "cpu")


def test_a_build_of_pytorchs_own_index_is_remembered(project):
    done = project.run("lab", GPU="0")
    assert project.stamp["torch"] == "cpu"
    assert "--no-emit-package=torch" in project.by_uv("export")[0], "whose hashes are of other files"
    assert "torch==2.14.1" in (project.root / ".cache/constraints.txt").read_text(encoding="utf-8")
    assert re.search(r"\] 2\d\d MB to download", done.stdout), "200 of PyTorch, and NumPy"
    project.run("lab", GPU="")
    assert not project.by_uv("pip"), "without the setting the environment stays as it is"
    assert "another build of PyTorch. Building" in project.run("lab", GPU="1").stdout


@pytest.mark.parametrize("pip", ["", "1"])
def test_where_pytorchs_index_cannot_be_reached_the_standard_build_is_taken(project, pip):
    done = project.run("lab", GPU="0", PIP=pip, fault="no cpu index")
    assert done.returncode == 0
    assert "could not be had from https://download.pytorch.org/whl/cpu" in done.stdout
    project.run("lab", GPU="0", PIP=pip)
    assert not project.by_uv("pip") and not project.called("pip"), "it is not tried again at every start"


def test_pip_takes_the_build_from_pytorchs_index_too(project):
    project.run("lab", GPU="", UV_TORCH_BACKEND="cu130", PIP="1")
    *_, last = project.called("pip")
    assert last[last.index("--extra-index-url") + 1] == "https://download.pytorch.org/whl/cu130"
    assert {"torch==2.14.1+cu130", "torchvision==0.29.1+cu130"} <= set(last)


FILES = """
    { url = "https://x/aa/foo_bar-1.0-cp311-cp311-manylinux_2_28_x86_64.whl", hash = "sha256:1", size = 1000000 },
    { url = "https://x/aa/foo_bar-1.0-cp311-cp311-macosx_11_0_arm64.whl", hash = "sha256:1", size = 2000000 },
    { url = "https://x/aa/foo_bar-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl", hash = "sha256:1", size = 4000000 },
    { url = "https://x/aa/foo_bar-2.0-cp311-cp311-manylinux_2_28_x86_64.whl", hash = "sha256:1", size = 8000000 },
    { url = "https://x/aa/stable-3-cp39-abi3-win_amd64.whl", hash = "sha256:1", size = 16000000 },
    { url = "https://x/aa/pure-4-py3-none-any.whl", hash = "sha256:1", size = 32000000 },
"""


@pytest.mark.parametrize(
    ("system", "machine", "python", "expected"),
    [("linux", "x86_64", 11, 33), ("darwin", "arm64", 11, 34), ("win32", "AMD64", 11, 48), ("linux", "x86_64", 14, 32)],
)
@pytest.mark.parametrize(
    "said", [" + foo-bar==1.0\n + stable==3\n + pure==4\n", "Would install foo-bar-1.0 stable-3 pure-4"]
)
def test_megabytes_are_those_of_this_machines_wheels(monkeypatch, system, machine, python, expected, said):
    monkeypatch.setattr(sizes.sys, "platform", system)
    monkeypatch.setattr(sizes.platform, "machine", lambda: machine)
    assert sizes.megabytes(said, FILES, (3, python)) == expected


# --- The detector's weights ---


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
    project.write("uv.lock", "")
    project.run("lab")
    assert len(project.fetched) == 1


def test_an_environment_older_than_this_fetches_too(project):
    project.run("lab")
    (project.root / ".cache/weights-own.log").unlink()
    project.run("lab")
    assert len(project.fetched) == 1 and not project.by_uv("pip")


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


def test_test_adds_executorch_once_and_a_learner_does_without(project):
    project.run("lab")
    assert [call[-1] for call in project.by_uv("pip")] == [".[dev]"]
    done = project.run("test")
    assert done.returncode == 0
    assert [call[-1] for call in project.by_uv("pip")] == [f"executorch=={environment.tested_version('executorch')}"]
    project.run("test")
    assert not project.by_uv("pip")


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
        assert call["OMP_WAIT_POLICY"] == "PASSIVE" and call["COURSE_TERMS"] == "seen"
    assert unit["OMP_NUM_THREADS"] == "1"
    assert int(notebooks["OMP_NUM_THREADS"]) == max(1, os.cpu_count() // 2)


def test_test_without_notebooks_fails_loudly(project):
    (project.root / "notebooks/00_start_here.ipynb").unlink()
    done = project.run("test")
    assert done.returncode == 1 and "There are no notebooks in notebooks/." in done.stderr


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


@pytest.mark.parametrize(
    ("ci", "present", "installs"),
    [
        ("true", [], True),
        ("true", ["chromium"], True),
        ("true", ["chromium", "npm"], False),
        ("true", ["google-chrome", "npm"], False),
        ("", [], False),
    ],
)
def test_continuous_integration_runs_make_test_with_a_browser(project, ci, present, installs):
    script = shutil.copy(ROOT / ".ci/run", project.root / "run")
    for name in ("make", "apt-get", *present):
        (project.path / name).write_text(f"#!/bin/sh\necho {name} $*\n", encoding="utf-8")
        (project.path / name).chmod(0o755)
    (project.path / "sudo").write_text('#!/bin/sh\nshift; exec "$@"\n', encoding="utf-8")
    (project.path / "sudo").chmod(0o755)
    (project.path / "dirname").symlink_to(shutil.which("dirname"))
    settings = {"CI": ci, "PATH": str(project.path)}
    done = subprocess.run([shutil.which("bash"), script], env=settings, capture_output=True, text=True)
    assert done.stdout == "apt-get update -qq\n" * installs + "make test\n", done.stderr
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_old_python_can_read_the_scripts(script):
    """So that Python 3.8 and 3.9 say what is needed, and do not stop at a syntax error."""
    ast.parse((ROOT / script).read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_console_can_show_what_the_scripts_say(script):
    assert (ROOT / script).read_text(encoding="utf-8").isascii()
