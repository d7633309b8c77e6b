"""The project's virtual environment: built, mended and stamped. Standard library only, any Python from 3.8.

A file inside ``.venv``, written last, holds what the environment was built from. While it agrees with the project,
nothing is installed; when it is missing or disagrees, the environment is brought to the tested set.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tools.installer import SetupError, run_pip
from tools.interpreters import NEWEST, OLDEST, named, python_version, suitable_pythons

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
STAMP = VENV / "face-course.json"
REQUIREMENTS, CONSTRAINTS = ROOT / "pyproject.toml", ROOT / "constraints.txt"
CPU_INDEX = os.environ.get("TORCH_CPU_INDEX") or "https://download.pytorch.org/whl/cpu"
# With less free space, in gigabytes (1e9 bytes), an installation cannot succeed; unpacked it takes 5.7 or about 2.
SPACE_WITH_CUDA, SPACE_WITHOUT_CUDA, SPACE_FOR_AN_UPDATE = 7.0, 2.5, 0.5


def ensure(cpu: bool | None = None, python: str = "") -> Path:
    """The environment's Python, after building or mending the environment if it needs it.

    Args:
        cpu: PyTorch without CUDA (True), with it (False), or as the environment already is (None).
        python: the interpreter to build with; empty for the first supported one that is found.

    Raises:
        SetupError: the environment could not be made ready; the message says what to do.
    """
    if problem(cpu, python):
        with only_one_at_a_time() as lock:
            reason = problem(cpu, python)  # asked again: another process may have finished it meanwhile
            if reason:
                make_ready(reason, cpu, python, lock)
    return venv_python()


def venv_python() -> Path:
    """Where the environment's interpreter is, whether it exists or not."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def site_packages() -> Path:
    """Where the environment keeps its packages."""
    if os.name == "nt":
        return VENV / "Lib/site-packages"
    version = python_version(venv_python())
    return VENV / f"lib/python{named(version) if version else ''}/site-packages"


def say(message: str) -> None:
    """One message to the person at the terminal, ahead of what the next program prints."""
    print(f"[face-course] {message}", flush=True)


# --- Is it ready? ---


def read_stamp() -> dict:
    """What the environment was built from; empty where no installation has ended."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def fingerprint() -> str:
    """A hash of the files that say what to install."""
    return hashlib.sha256(REQUIREMENTS.read_bytes() + b"\0" + CONSTRAINTS.read_bytes()).hexdigest()


def problem(cpu: bool | None, python: str) -> str:
    """Why the environment cannot be used as it is; empty if it can."""
    if not VENV.exists():
        return "There is no environment yet."
    stamp, version = read_stamp(), python_version(venv_python())
    if version is None:
        return "The environment's Python does not run."
    if not stamp:
        return "The environment was not finished."
    if stamp.get("root") != str(ROOT):
        return "The project's folder was moved or copied."
    if stamp.get("python") != named(version) or (python and python_version(python) != version):
        return f"The environment is of Python {stamp.get('python')}."
    if cpu is not None and stamp.get("cpu") != cpu:
        return "The environment has the other build of PyTorch."
    if stamp.get("fingerprint") != fingerprint():
        return "The required versions have changed."
    return ""


def can_be_mended(cpu: bool | None, python: str) -> bool:
    """Whether installing into the environment suffices; otherwise it is built anew."""
    stamp, version = read_stamp(), python_version(venv_python())
    if version is None or not OLDEST <= version <= NEWEST or (python and python_version(python) != version):
        return False
    if stamp and (stamp.get("root") != str(ROOT) or stamp.get("python") != named(version)):
        return False
    if cpu is not None and has_torch() and stamp.get("cpu", has_cpu_torch()) != cpu:
        return False  # pip takes either build for the version it was asked for, and would keep the wrong one
    pip = list(site_packages().glob("pip-*.dist-info"))
    return len(pip) == 1 and is_whole(pip[0])


def has_torch() -> bool:
    """Whether PyTorch, most of the download, is already in the environment."""
    return any(site_packages().glob("torch-*.dist-info"))


def has_cpu_torch() -> bool:
    """Whether that is the build without CUDA."""
    return any(site_packages().glob("torch-*+cpu.dist-info"))


# --- Making it ready ---


def make_ready(reason: str, cpu: bool | None, python: str, lock: int) -> None:
    """Build or mend the environment, and stamp it at the very end."""
    mend = VENV.exists() and can_be_mended(cpu, python)
    cpu = read_stamp().get("cpu", has_cpu_torch()) if cpu is None else cpu
    say(f"{reason} {'Mending' if mend else 'Building'} .venv; this takes some minutes, once.")
    STAMP.unlink(missing_ok=True)
    if mend:
        forget_broken_packages(site_packages())
    else:
        empty(VENV)
    check_space(cpu)
    if not mend:
        create(python)
    install(cpu, lock)
    write_stamp(cpu)
    say("The environment is ready.")


def write_stamp(cpu: bool) -> None:
    """Note what the environment was built from, all at once or not at all."""
    version = python_version(venv_python())
    if version is None:
        raise SetupError("The environment's Python does not run.", "Run: make clean")
    built = {"fingerprint": fingerprint(), "python": named(version), "root": str(ROOT), "cpu": cpu}
    unfinished = STAMP.with_suffix(".part")
    unfinished.write_text(json.dumps(built, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, STAMP)


def create(python: str) -> None:
    """A virtual environment from the first interpreter that can make one."""
    incomplete = []
    for candidate in [python] if python else suitable_pythons():
        command = [candidate, "-m", "venv", str(VENV)]
        made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode == 0:
            return
        empty(VENV)
        output = made.stdout + made.stderr
        if "ensurepip" not in output and "No module named" not in output:
            raise SetupError.from_output(f"{candidate} could not create .venv", output)
        incomplete.append(candidate)
    version = named(python_version(incomplete[0]) or OLDEST)
    raise SetupError(
        f"Python cannot create a virtual environment, its module venv or ensurepip is missing: {', '.join(incomplete)}",
        f"On Debian or Ubuntu: sudo apt install python{version}-venv, then give the same command again.\n"
        "Elsewhere name a complete Python (PYTHON=/path/to/python3 make lab), or use conda: see README.md.",
    )


def install(cpu: bool, lock: int) -> None:
    """The tested set, with plain pip."""
    if sys.platform == "linux" and cpu and not has_cpu_torch():
        install_cpu_torch(lock)
    elif sys.platform == "linux" and not cpu and shutil.which("nvidia-smi") is None and not has_torch():
        say(
            "No NVIDIA GPU was found. PyTorch's standard build for Linux carries about 3 GB of CUDA all the same.\n"
            "To do without, stop this with Ctrl-C and add CPU=1, as in: make lab CPU=1"
        )
    run_pip(venv_python(), ["install", "-c", "constraints.txt", "-e", ".[dev]"], ROOT, CACHE, lock)


def install_cpu_torch(lock: int) -> None:
    """Take torch and torchvision from PyTorch's index of CPU builds, or say plainly that they could not be had."""
    pins = [f"{name}=={tested_version(name)}+cpu" for name in ("torch", "torchvision")]
    command = ["install", "--no-deps", "--index-url", CPU_INDEX, "--retries", "1", "--timeout", "20", *pins]
    try:
        run_pip(venv_python(), command, ROOT, CACHE, lock)
    except SetupError as error:
        if error.disk_is_full:
            raise
        say(f"The CPU builds could not be had from {CPU_INDEX}. Going on with the standard build, which is larger.")
        check_space(cpu=False)


def add_for_tests() -> None:
    """ExecuTorch, which nothing but its own tests needs: where it cannot be had, they are skipped, and it is said."""
    wanted = tested_version("executorch")
    if any(is_whole(record) for record in site_packages().glob(f"executorch-{wanted}.dist-info")):
        return
    with only_one_at_a_time() as lock:
        try:
            run_pip(venv_python(), ["install", "-c", "constraints.txt", f"executorch=={wanted}"], ROOT, CACHE, lock)
        except SetupError as error:
            say(f"ExecuTorch could not be installed, so its tests are skipped. {error}")


def tested_version(package: str) -> str:
    """The version that constraints.txt pins."""
    pin = re.search(rf"^{re.escape(package)}==([^;\s]+)", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if pin is None:
        raise SetupError(f"constraints.txt pins no version of {package}.", "Restore it: git checkout constraints.txt")
    return pin.group(1)


def check_space(cpu: bool) -> None:
    """Refuse to begin what the disk cannot hold."""
    with_cuda = sys.platform == "linux" and not cpu
    needed = SPACE_WITH_CUDA if with_cuda else SPACE_WITHOUT_CUDA
    needed = SPACE_FOR_AN_UPDATE if has_torch() else needed
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < needed:
        smaller = f", or add CPU=1, which needs {SPACE_WITHOUT_CUDA:g} GB" if with_cuda else ""
        raise SetupError(
            f"The disk of {ROOT} has {free:.1f} GB free; the installation needs {needed:g} GB.",
            f"Free some space{smaller}. Then give the same command again.",
        )


# --- What an interrupted installation leaves behind ---


def forget_broken_packages(folder: Path) -> list[str]:
    """Remove the records of packages that are not whole, so that pip installs them again; return their names."""
    broken = [record for record in sorted(folder.glob("*.dist-info")) if not is_whole(record)]
    set_aside = list(folder.glob("~*"))  # by pip, while it replaces a package
    for path in broken + set_aside:
        remove(path)
    return [path.name.split("-")[0] for path in broken]


def is_whole(dist_info: Path) -> bool:
    """Whether every file that a package's RECORD lists is there with its size in bytes."""
    try:
        with open(dist_info / "RECORD", encoding="utf-8", newline="") as file:
            sizes = {row[0]: row[2] for row in csv.reader(file) if row}
        here = dist_info.parent
        return bool(sizes) and all(os.stat(here / name).st_size == int(size) for name, size in sizes.items() if size)
    except (OSError, ValueError, IndexError):
        return False


def empty(folder: Path) -> None:
    """Remove what is inside a folder but not the folder, which may be a link to a larger disk."""
    for path in folder.iterdir() if folder.exists() else ():
        remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder."""
    try:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except OSError as error:
        raise SetupError(
            f"The old environment could not be removed: {error}",
            "Close JupyterLab and every other program that uses .venv, then give the same command again.",
        ) from None


@contextmanager
def only_one_at_a_time():
    """Hold a lock while installing. pip inherits it, so that a pip that outlives this process keeps it too."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "setup.lock", "w") as file:
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
        yield file.fileno()
