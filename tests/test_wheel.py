"""What `pip install face-course` brings: the wheel is built, installed apart from this clone, and used."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from course_lib import __version__
from tools import wheel as tool

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("course_lib", "notebooks", "data_scripts", "benchmarks", "tools", "web", "docs")
FILES = ("pyproject.toml", "README.md", "LICENSE", ".gitignore")
WITHOUT_PAGE = 11_000_000  # bytes, of a wheel built where the page was not
CARD = "course_lib/weights/mobilefacenet_075_relu.md"
TERMS = ("LICENSE", "web/NOTICES.txt", "course_lib/weights/mtcnn.LICENSE", CARD)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a copy of this project, with a small page that looks built, and assignments that must stay out."""
    root = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("node_modules", "dist", "__pycache__", "assignments")
    for name in SOURCES:
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, root / name)
    for name in ("web/dist/index.html", "notebooks/assignments/secret.ipynb", "notebooks/.ipynb_checkpoints/a.ipynb"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text("planted", encoding="utf-8")
    return tool.build(root, tmp_path_factory.mktemp("wheel"))


class Installed:
    """An environment in which pip has put the wheel, and which sees this one's packages, but not this clone."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        self.bin = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.bin / ("python.exe" if os.name == "nt" else "python")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python]
        subprocess.run([*pip, "install", "--no-deps", "--no-index", "--quiet", wheel], check=True)
        (packages,) = {path.parent for path in folder.rglob("face_course-*.dist-info")}
        # Only now, or pip would find the clone's own installation there.
        seen = [path for path in sys.path if path.endswith("site-packages")]
        (packages / "suite.pth").write_text("\n".join(seen) + "\n", encoding="utf-8")
        self.home = folder / "home"
        self.home.mkdir()
        unwanted = ("PYTHONPATH", "PYTHONHOME", "JUPYTER_CONFIG_PATH", "JUPYTER_PATH")
        own = {
            name: str(self.home / name)
            for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        self.environment = {**kept, **own, "JUPYTER_TOKEN": "secret"}

    def run(self, *command: object, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(map(str, command)),
            cwd=self.home,
            env=self.environment | settings,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def face_course(self, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
        return self.run(self.bin / "face-course", *arguments, **settings)

    @contextmanager
    def started(self, *arguments: object) -> Iterator[subprocess.Popen[str]]:
        """A command that serves, until the block ends."""
        running = subprocess.Popen(
            [self.bin / "face-course", *map(str, arguments)],
            cwd=self.home,
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield running
        finally:
            running.terminate()
            running.communicate(timeout=30)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


def test_it_holds_the_course_and_no_assignments(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    inside = {name.removeprefix("course_lib/_course/") for name in names if name.startswith("course_lib/_course/")}
    for pattern, folder in (
        ("notebooks/*.ipynb", "notebooks"),
        ("notebooks/solutions/*.py", "notebooks"),
        ("data_scripts/*.py", "data_scripts"),
        ("benchmarks/records/*.json", "benchmarks"),
    ):
        expected = {path.relative_to(ROOT / folder).as_posix() for path in ROOT.glob(pattern)}
        part = {"benchmarks": ""}.get(folder, f"{folder}/")
        assert expected and {part + name for name in expected} <= inside
    assert {name for name in inside if name.startswith("page/")} == {"page/index.html"}
    assert not [name for name in names if "assignments" in name or "checkpoints" in name or name.startswith("tests")]
    shipped = {path.relative_to(ROOT).as_posix() for path in (ROOT / "course_lib").rglob("*") if path.is_file()}
    assert {name for name in shipped if "__pycache__" not in name} <= names


def test_its_size_is_what_is_said(wheel: Path) -> None:
    sizes = tool.sizes(wheel)
    assert set(sizes) == {"library", "weights", "notebooks", "data_scripts", "records", "jupyter", "page"}
    assert sum(sizes.values()) <= wheel.stat().st_size <= WITHOUT_PAGE


def test_its_metadata_has_both_licences_and_the_one_version(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        told = HeaderParser().parsestr(archive.read(name).decode())
        folder = name.removesuffix("METADATA") + "licenses/"
        licences = {file: archive.read(folder + file).decode() for file in TERMS}
    assert told["License-Expression"] == "Apache-2.0 AND MIT AND LicenseRef-Research-And-Teaching-Only"
    assert set(told.get_all("License-File")) == set(TERMS)
    assert "Research and teaching only." in licences[CARD]
    assert "Research and teaching only" in told.get_payload(), "the description, which PyPI shows"
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    page = json.loads((ROOT / "web/package.json").read_text(encoding="utf-8"))
    assert told["Version"] == __version__ == page["version"] and f"\nversion: {__version__}\n" in citation
    assert f"## {__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_command_and_the_library_are_the_wheels(installed: Installed) -> None:
    assert installed.face_course("--version").stdout == f"face-course, version {__version__}\n"
    program = "import course_lib; print(course_lib.__file__); print(course_lib.record('exported')['command'])"
    place, command = installed.run(installed.python, "-c", program).stdout.splitlines()
    assert Path(place).is_relative_to(installed.bin.parent) and command.startswith("python -m benchmarks exported")


def test_the_check_reads_what_is_required_from_the_metadata(installed: Installed) -> None:
    done = installed.face_course("check", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == int(not all(need["ok"] for need in found["requirements"])), done.stderr
    assert {"torch", "click", "jupyterlab"} <= {need["name"] for need in found["requirements"]}


def test_the_page_is_served_without_node(installed: Installed) -> None:
    with installed.started("web", "--port", "0", "--no-browser") as running:
        lines = iter(running.stdout.readline, "")
        address = next(line for line in lines if "The page is at" in line).split()[4]
        assert urllib.request.urlopen(address, timeout=10).read() == b"planted"


def test_the_terms_are_shown_once(installed: Installed) -> None:
    unseen = {"COURSE_TERMS": "", "XDG_STATE_HOME": str(installed.home / "state")}
    asked = [installed.face_course("gallery", "people", "none", **unseen) for _ in range(2)]
    assert [done.returncode for done in asked] == [1, 1]
    assert "Research and teaching only." in asked[0].stderr and asked[1].stderr.startswith("Error: none is not there")


def test_the_lab_serves_the_notebooks_in_a_folder_of_the_learners(installed: Installed) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with installed.started("lab", "mine", "--no-browser", "--port", port) as running:
        answer = json.loads(fetched(f"http://localhost:{port}/api/contents/00_start_here.ipynb?token=secret", running))
    laid = installed.home / "mine/00_start_here.ipynb"
    assert answer["content"]["cells"] and laid.read_bytes() == (ROOT / "notebooks/00_start_here.ipynb").read_bytes()
    assert (installed.home / "mine/solutions/00_start_here.py").is_file()
    script = installed.run(installed.python, "mine/data_scripts/get_mnist.py", "--help")
    assert script.returncode == 0 and "MNIST" in script.stdout


def test_notebook_00_runs_there(installed: Installed) -> None:
    done = installed.face_course("lab", "run", "--fresh", "00")
    assert done.returncode == 0, done.stderr
    convert = ["-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done.ipynb", "run/00_start_here.ipynb"]
    done = installed.run(installed.python, *convert, JUPYTER_PREFER_ENV_PATH="1", COURSE_GUARDS="1")
    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads((installed.home / "run/done.ipynb").read_text(encoding="utf-8"))["cells"]
    assert all(cell["execution_count"] for cell in cells if cell["cell_type"] == "code")


def fetched(address: str, running: subprocess.Popen[str]) -> bytes:
    """What a server answers, once it does."""
    for _ in range(600):
        try:
            return urllib.request.urlopen(address, timeout=10).read()
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert running.poll() is None, running.communicate()[0]
            time.sleep(0.2)
    raise TimeoutError(address)
