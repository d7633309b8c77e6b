"""The project's virtual environment: built, mended and stamped. Standard library only, any Python from 3.8.

A file inside ``.venv`` holds what the environment was built from; while the installation lasts, it holds nothing. While
it agrees with the project, nothing is installed; else the environment is brought to the versions of uv.lock.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tools.installer import CACHE, ROOT, SetupError, answer, find_uv, make_venv, program, say, settings
from tools.interpreters import NEWEST, OLDEST, check, is_supported, named, python_version, running_python
from tools.sizes import megabytes

VENV = ROOT / ".venv"
STAMP = VENV / "face-course.json"
REQUIREMENTS, LOCK, CONSTRAINTS = ROOT / "pyproject.toml", ROOT / "uv.lock", ROOT / "constraints.txt"
AS_SERVED = ""  # PyTorch's build on the package index: for Linux with CUDA, elsewhere without
PYTORCH_INDEX = "https://download.pytorch.org/whl/"  # followed by the backend
OF_PYTORCH = ("torch", "torchvision", "torchao")  # uv takes them from that index
# With less free space, in gigabytes (1e9 bytes), an installation cannot succeed.
SPACE_WITH_CUDA, SPACE_WITHOUT_CUDA, SPACE_FOR_AN_UPDATE = 7.0, 2.5, 0.5


def ensure(torch: str | None = None, python: str = "") -> Path:
    """The environment's Python, after building or mending the environment if it needs it.

    Args:
        torch: one of uv's backends or AS_SERVED; None for what is there, and at first for what suits the machine.
        python: the interpreter to build with; empty for the one that runs this, or another if that is not supported.

    Raises:
        SetupError: the environment could not be made ready; the message says what to do.
    """
    if problem(torch, python):
        with only_one_at_a_time() as held:
            found = problem(torch, python)  # asked again: another process may have finished it meanwhile
            if found:
                make_ready(*found, torch, python, held)
    return venv_python()


def venv_python() -> Path:
    """Where the environment's interpreter is, whether it exists or not."""
    return program(VENV, "python")


def read_stamp() -> dict | None:
    """What the environment was built from; empty where no installation has ended, None where none was begun."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}


def fingerprint() -> str:
    """A hash of the files that say what to install."""
    return hashlib.sha256(REQUIREMENTS.read_bytes() + b"\0" + LOCK.read_bytes()).hexdigest()


def problem(torch: str | None, python: str) -> tuple[str, bool] | None:
    """Why the environment cannot be used as it is, and whether installing into it mends that; None if it can."""
    if not VENV.exists():
        return "There is no environment yet.", False
    stamp, version = read_stamp(), python_version(venv_python())
    if version is None:
        return "The environment's Python does not run.", False
    if not OLDEST <= version <= NEWEST or (python and python_version(python) != version):
        return f"The environment is of Python {named(version)}.", False
    if stamp is None:
        return "The environment was made by hand.", True
    if not stamp:
        return "The environment was not finished.", False
    if stamp.get("root") != str(ROOT):
        return "The project's folder was moved or copied.", False
    if stamp.get("python") != named(version):
        return f"The environment is of Python {stamp.get('python')}.", False
    if torch not in (None, stamp.get("torch")):
        return "The environment has another build of PyTorch.", False
    return None if stamp.get("fingerprint") == fingerprint() else ("The required versions have changed.", True)


def make_ready(reason: str, mend: bool, torch: str | None, python: str, held: int) -> None:
    """Build or mend the environment, and stamp it at the very end; what could not be built is removed."""
    if torch is None:
        torch = (read_stamp() or {}).get("torch", suitable_torch())
    say(f"{reason} {'Mending' if mend else 'Building'} .venv; this takes some minutes, once.")
    check_space(torch, mend)
    python = python or running_python()
    uv = find_uv(python)
    try:
        if not mend:
            discard(VENV)
            VENV.mkdir(parents=True, exist_ok=True)
        STAMP.write_text("{}", encoding="utf-8")
        if not mend:
            create(uv, python)
        install(uv, torch, ["-e", ".[dev]"], held)
        spell_project()
    except BaseException:
        if not mend:
            discard(VENV)
        raise
    built = {"fingerprint": fingerprint(), "python": named(python_version(venv_python())), "root": str(ROOT)}
    STAMP.write_text(json.dumps({**built, "torch": torch}, indent=1) + "\n", encoding="utf-8")
    say("The environment is ready.")


def spell_project() -> None:
    """Name the project's folder in ASCII to Python, which up to 3.12 reads such names in the system's encoding."""
    if not str(ROOT).isascii():
        line = f"import os, sys; sys.path.append(os.fsdecode({os.fsencode(str(ROOT))!r}))\n"
        for place in ("lib/python*", "Lib"):
            for path in VENV.glob(f"{place}/site-packages/_face_course.pth"):
                path.write_text(line, encoding="ascii")


def suitable_torch() -> str:
    """The build of PyTorch for this machine: on Linux the one for CPUs, unless NVIDIA's driver finds a GPU."""
    try:  # the driver itself: its programs, and CUDA's, are on many machines that have no GPU
        has_gpu = ctypes.CDLL("libcuda.so.1").cuInit(0) == 0
    except OSError:
        has_gpu = False
    return "cpu" if sys.platform == "linux" and not has_gpu else AS_SERVED


def create(uv: str | None, python: str) -> None:
    """A virtual environment; uv looks for another Python, or fetches one, where this one is not supported."""
    if uv is None:
        check(python, python)
        make_venv(python, VENV)
    else:
        asked = ["--python", python] if is_supported(python) else []
        answer("uv could not make .venv", [uv, "venv", "--seed", "--allow-existing", *asked, str(VENV)])


def install(uv: str | None, torch: str, wanted: list[str], held: int) -> None:
    """Packages in the versions of uv.lock, after it was said how much there is to download.

    Raises:
        SetupError: they could not be had, or not be written.
    """
    command = installation(uv, torch)
    try:
        planned = answer("The packages could not be had", [*command, "--dry-run", *wanted], torch)
    except SetupError:
        if not torch:
            raise
        say(f"PyTorch's build could not be had from {PYTORCH_INDEX}{torch}. Going on with the package index's.")
        check_space(AS_SERVED, mend=False)
        return install(uv, AS_SERVED, wanted, held)
    total = megabytes(planned, LOCK.read_text(encoding="utf-8"), python_version(venv_python()) or OLDEST)
    say(f"{total:,.0f} MB to download, less what was fetched before.")
    inherited = {"stdin": subprocess.DEVNULL, "pass_fds": () if os.name == "nt" else (held,)}
    if subprocess.run([*command, *wanted], cwd=str(ROOT), env=settings(torch), **inherited).returncode != 0:
        full = " The disk is full." if shutil.disk_usage(str(ROOT)).free < 1e9 else ""
        raise SetupError(
            f"The installation stopped; the lines above say why.{full}",
            "When that is dealt with, give the same command again: what was fetched is not fetched again.",
        )


def installation(uv: str | None, torch: str) -> list[str]:
    """The command that installs what is appended to it: by uv with hashes, of which pip has none."""
    of_pytorch = {name: tested_version(name) for name in OF_PYTORCH if torch}
    if uv is None:
        index = ["--extra-index-url", PYTORCH_INDEX + torch] if torch else []
        build = [f"{name}=={version}+{torch}" for name, version in of_pytorch.items() if name != "torchao"]
        return [str(venv_python()), "-m", "pip", "install", "--no-input", "-c", str(CONSTRAINTS), *index, *build]
    hashed = CACHE / "constraints.txt"
    export = [uv, "export", "--frozen", "--no-emit-project", "--extra=dev", "--extra=executorch", f"-o{hashed}"]
    answer("uv could not read uv.lock", [*export, *(f"--no-emit-package={name}" for name in of_pytorch)])
    with open(hashed, "a", encoding="utf-8") as file:  # that index has other files than uv.lock knows
        file.writelines(f"{name}=={version}\n" for name, version in of_pytorch.items())
    return [uv, "pip", "install", "--python", str(venv_python()), "-c", str(hashed)]


def add_for_tests() -> None:
    """ExecuTorch, which nothing but its own tests needs: where it cannot be had, they are skipped, and it is said."""
    wanted = tested_version("executorch")
    if any(True for place in ("lib/python*", "Lib") for _ in VENV.glob(f"{place}/*/executorch-{wanted}.dist-info")):
        return
    with only_one_at_a_time() as held:
        try:
            install(find_uv(running_python()), AS_SERVED, [f"executorch=={wanted}"], held)
        except SetupError as error:
            say(f"ExecuTorch could not be installed, so its tests are skipped. {error}")


def tested_version(package: str) -> str:
    """The version in uv.lock."""
    locked = re.search(rf'^name = "{re.escape(package)}"\nversion = "(.+)"$', LOCK.read_text("utf-8"), re.MULTILINE)
    if locked is None:
        raise SetupError(f"uv.lock has no version of {package}.", "Restore it: git checkout uv.lock")
    return locked.group(1)


def check_space(torch: str, mend: bool) -> None:
    """Refuse to begin what the disk cannot hold."""
    needed = SPACE_WITH_CUDA if torch != "cpu" and sys.platform == "linux" else SPACE_WITHOUT_CUDA
    needed = SPACE_FOR_AN_UPDATE if mend else needed
    disk = VENV if VENV.is_dir() else ROOT  # a link leads to another
    free = shutil.disk_usage(str(disk)).free / 1e9
    if free < needed:
        smaller = f" (without CUDA, with GPU=0, {SPACE_WITHOUT_CUDA:g} GB)" if needed == SPACE_WITH_CUDA else ""
        raise SetupError(
            f"The disk of {disk} has {free:.1f} GB free; the installation needs {needed:g} GB{smaller}.",
            "Free some space, then give the same command again.",
        )


def discard(folder: Path) -> None:
    """Remove a folder or what is in its place, but of a link, perhaps to a larger disk, only what is inside."""
    if folder.is_symlink() and not folder.exists():
        raise SetupError(
            f"{folder} is a link to {os.readlink(str(folder))}, which is not there.",
            "Make that folder, or remove the link, then give the same command again.",
        )
    try:
        for path in folder.iterdir() if folder.is_dir() else ():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if folder.is_dir() and not folder.is_symlink():
            folder.rmdir()
        elif folder.is_file():
            folder.unlink()
    except OSError as error:
        raise SetupError(
            f"{folder} could not be removed: {error}",
            "Close JupyterLab and every other program that uses it, then give the same command again.",
        ) from None


@contextmanager
def only_one_at_a_time():
    """Hold a lock while installing. uv and pip inherit it: one that outlives this process keeps it too."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "setup.lock", "wb") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SetupError(
                "Another set-up of this project is running.", "When it has ended, give the same command again."
            ) from None
        try:
            yield file.fileno()
        finally:
            shutil.rmtree(str(CACHE / "tmp"), ignore_errors=True)  # gigabytes, of a pip that was stopped
