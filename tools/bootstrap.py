"""The project's commands, each of which sets up what it needs first: python tools/bootstrap.py lab

    lab         open the course in JupyterLab; arguments are passed on: lab --no-browser --port 8899
    test        everything that must hold: lint, unit tests, guards, every notebook
    test-quick  lint, and the unit tests that are not marked slow: a minute and a half
    parity      compare the library with facenet-pytorch, in an environment of its own
    fuzz        feed every reader with damaged and malicious files: fuzz --cases 5000 bin PNG
    lint        check style and format
    notebooks   execute every notebook anew and write its outputs
    bench       measure the library beside what one would use instead
    web         build the page that compares two faces in the browser, and serve it to this machine: web --port 8010
    clean       remove .venv, the built page and all caches
    help        this list

With make: make lab, make test and so on. Settings are environment variables, or follow the target of make:
    PYTHON=python3.12            the Python to build .venv with (3.10 to 3.14)
    GPU=1                        PyTorch with CUDA, on Linux, where no NVIDIA driver is found; GPU=0: without
    PIP=1                        pip in place of uv
    ARGS="--port 8899"           (make only) arguments to pass on
"""

from __future__ import annotations

import os
import re
import runpy
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started by path, from any folder

from tools import environment, interpreters, stages, weights  # noqa: E402
from tools.installer import SetupError, say  # noqa: E402

FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"
TAKES_ARGUMENTS = ("lab", "fuzz", "notebooks", "bench", "web")
# As course_lib/machine.py sets them, where they also reach a Python that imports PyTorch before course_lib.
SHARED = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000", "THP_MEM_ALLOC_ENABLE": "1"}
browser_can_open = runpy.run_path(str(ROOT / "course_lib" / "browser.py"))["browser_can_open"]  # not all of course_lib
TEST_DATA = environment.CACHE / "data"  # holds the detector's weights and no data set


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    command, rest = (arguments[0] if arguments else "help"), arguments[1:]
    if command in ("help", "-h", "--help"):
        print(__doc__.strip())
        return 0
    if command not in COMMANDS:
        print(f"There is no command {command!r}. The commands are: help, {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    if rest and command not in TAKES_ARGUMENTS:
        print(f"The command {command} takes no arguments, but was given: {' '.join(rest)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, pip with it
    try:
        return COMMANDS[command](rest)
    except SetupError as error:
        print(f"\n[face-course] {error}", file=sys.stderr)
        return 1
    except OSError as error:  # a full disk or a folder without permission, wherever it strikes
        doing = f"make {command} stopped" + (f" at {error.filename}" if error.filename else "")
        print(f"\n[face-course] {SetupError.from_output(doing, str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n[face-course] Interrupted. Give the same command to go on: make {command}", file=sys.stderr)
        return 130


def ready_python() -> str:
    """The environment's Python, built with the settings PYTHON, GPU and UV_TORCH_BACKEND if need be."""
    python, gpu, backend = (os.environ.get(name, "").strip() for name in ("PYTHON", "GPU", "UV_TORCH_BACKEND"))
    if gpu not in ("", "0", "1"):
        raise SetupError(f"GPU={gpu} is neither 1 (PyTorch with CUDA) nor 0.", "Give GPU=1, or leave it out.")
    if not re.fullmatch(r"(auto|cpu|xpu|cu\d+|rocm[\d.]+)?", backend):
        raise SetupError(f"UV_TORCH_BACKEND={backend} is no build of PyTorch.", "Give cpu or cu130, or leave it out.")
    if python:
        interpreters.check(python, f"PYTHON={python}")
    asked = {"1": environment.AS_SERVED, "0": "cpu"}.get(gpu, backend or None)
    return str(environment.ensure(asked, python))


def lab(arguments: list[str]) -> int:
    """JupyterLab on the first notebook."""
    python = ready_python()
    weights.fetch_once()
    command = [python, "-m", "jupyterlab", *lab_options(arguments)]
    # This environment's kernel, not another.
    settings = {**shared(), **os.environ, "JUPYTER_PREFER_ENV_PATH": "1"}
    # The course begins without a question about news, and without asking the network for updates.
    configured = [str(ROOT / "tools" / "jupyter"), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    settings["JUPYTER_CONFIG_PATH"] = os.pathsep.join(configured)
    return become(command, settings)  # Ctrl-C and its question belong to JupyterLab alone


def lab_options(arguments: list[str]) -> list[str]:
    """What JupyterLab must be told on this machine, and then what the user says."""
    options = [
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK}",  # also part of the address that is printed
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")  # in a container; JupyterLab refuses root otherwise
    if "--no-browser" not in arguments and not browser_can_open():
        options.append("--no-browser")
        say("No browser can open here. Open the address that JupyterLab prints below, with its token.")
    return [*options, *arguments]


def test(arguments: list[str]) -> int:
    """Lint, unit tests with the guards, every notebook, and every notebook with each cell twice."""
    return run_stages(stages.ALL)


def test_quick(arguments: list[str]) -> int:
    """Lint and the quick tests."""
    return run_stages(stages.QUICK)


def run_stages(chosen: tuple[stages.Stage, ...]) -> int:
    """Some stages of the tests, in an environment that has what only tests need."""
    python = ready_python()
    environment.add_for_tests()
    weights.fetch_once(TEST_DATA)
    return int(not stages.run(chosen, python, lambda command, stage: run(command, test_settings(stage.threads))))


def parity(arguments: list[str]) -> int:
    """facenet-pytorch, which the project does without, beside the library."""
    return run([ready_python(), "-m", "tools.parity"], test_settings(threads=1))


def fuzz(arguments: list[str]) -> int:
    """Thousands of damaged and malicious files for each reader."""
    return run([ready_python(), "-m", "tools.fuzz", *arguments], test_settings(threads=1))


def lint(arguments: list[str]) -> int:
    """Style and format."""
    return int(any([run(command, settings()) for command in stages.lint(ready_python())]))


def notebooks(arguments: list[str]) -> int:
    """Every notebook executed and written anew."""
    # The tool itself refuses COURSE_FULL: what is committed is the small run.
    full = {key: os.environ[key] for key in ("COURSE_FULL",) if key in os.environ}
    python = ready_python()
    weights.fetch_once(TEST_DATA)
    return run([python, "tools/notebooks.py", *arguments], {**test_settings(), **full})


def bench(arguments: list[str]) -> int:
    """The benchmarks."""
    return run([ready_python(), "-m", "benchmarks", *arguments], settings())


def web(arguments: list[str]) -> int:
    """The browser page, built and served."""
    return become([ready_python(), "tools/web.py", *arguments], settings())


def clean(arguments: list[str]) -> int:
    """Remove what the other commands built."""
    built = [environment.VENV, environment.CACHE, ROOT / "web" / "dist", ROOT / "web" / "node_modules"]
    for folder in (*built, *ROOT.rglob("__pycache__")):
        environment.discard(folder)
    return 0


def settings() -> dict[str, str]:
    """The environment for a command: every cache inside the project, nothing of the user's Jupyter set-up, no terms."""
    caches = {
        "MPLCONFIGDIR": "matplotlib",
        "NUMBA_CACHE_DIR": "numba",
        "TORCHINDUCTOR_CACHE_DIR": "inductor",
        "TRITON_CACHE_DIR": "triton",
        "HYPOTHESIS_STORAGE_DIRECTORY": "hypothesis",
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "jupyter/config",
        "JUPYTER_DATA_DIR": "jupyter/data",
        "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
        "XDG_CACHE_HOME": "other",
    }
    inside = {name: str(environment.CACHE / folder) for name, folder in caches.items()}
    return {**shared(), **os.environ, **inside, "JUPYTER_PREFER_ENV_PATH": "1", "COURSE_TERMS": "seen"}


def shared() -> dict[str, str]:
    """How Python shares the machine, less what the user chose: with one setting of how threads wait, the other too."""
    waiting = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    chosen = waiting if waiting & set(os.environ) else set()
    return {name: value for name, value in SHARED.items() if name not in chosen}


def test_settings(threads: int | None = None) -> dict[str, str]:
    """The same on every machine: small data, no downloaded sets, and so many threads in each process if it is said."""
    fixed = {**settings(), "COURSE_DATA": str(TEST_DATA)}
    fixed.pop("COURSE_FULL", None)
    fixed.pop("PYTHONPATH", None)
    if threads is not None:
        fixed["OMP_NUM_THREADS"] = str(threads)
    return fixed


def run(command: list[str], settings: dict[str, str]) -> int:
    """Run one command in the project's folder, with nothing on its standard input; its exit code."""
    return subprocess.run(command, cwd=str(ROOT), env=settings, stdin=subprocess.DEVNULL).returncode


def become(command: list[str], settings: dict[str, str]) -> int:
    """Run one program in place of this one, in the project's folder; on Windows, beside it."""
    os.chdir(str(ROOT))
    if os.name == "nt":
        return subprocess.call(command, env=settings)
    sys.stdout.flush()
    os.execve(command[0], command, settings)


COMMANDS = {
    "lab": lab,
    "test": test,
    "test-quick": test_quick,
    "parity": parity,
    "fuzz": fuzz,
    "lint": lint,
    "notebooks": notebooks,
    "bench": bench,
    "web": web,
    "clean": clean,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
