"""Is this machine ready for the course? ``python -m course_lib.check`` tells, and how to mend what is not.

It works before anything is installed: what it needs beyond the standard library comes with pip, and a package that is
missing or broken becomes a line of the report.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from course_lib.machine import cores, waits_asleep

PROJECT = "face-course"
ROOT = Path(__file__).resolve().parents[1]
# Installed is not enough for these two: a pair of versions that do not belong together fails on import.
MUST_IMPORT = ("torch", "torchvision")


@dataclass(frozen=True)
class Result:
    """One requirement: what is here, what is needed, and the command that mends it (empty if nothing is wrong)."""

    name: str
    found: str
    required: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether the requirement is met."""
        return not self.fix

    def __str__(self) -> str:
        """One line, and a second with the remedy."""
        line = f"{'[OK]  ' if self.ok else '[FAIL]'} {self.name:17} {self.found:14} needs {self.required}"
        return line if self.ok else f"{line}\n       fix: {self.fix}"


@dataclass(frozen=True)
class DataSet:
    """A data set that is used if it is there: where it would be, whether it is, and the script that fetches it."""

    name: str
    folder: Path
    present: bool
    script: str


def requirements() -> list[Any]:
    """What the course needs to run, as ``packaging.requirements.Requirement``, less what other platforms need.

    Read from ``pyproject.toml`` in a clone, and from the installed metadata elsewhere.

    Raises:
        RuntimeError: neither is there.
    """
    parse = _module("packaging.requirements", "pip._vendor.packaging.requirements").Requirement
    everything = [parse(text) for text in _project()["dependencies"]]
    return [need for need in everything if need.marker is None or need.marker.evaluate({"extra": ""})]


def installed_version(name: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    try:
        return importlib.metadata.version(name) or None
    except importlib.metadata.PackageNotFoundError:
        return None


def check_requirements(
    requirements: Iterable[Any], installed_version: Callable[[str], str | None] = installed_version
) -> list[Result]:
    """Compare each requirement with what is installed, without importing anything."""
    results = []
    for need in requirements:
        version = installed_version(need.name)
        met = version is not None and _contains(need.specifier, version)
        fix = "" if met else _install(need.name + _lower_first(need.specifier))
        results.append(Result(need.name, version or "not installed", _lower_first(need.specifier) or "any", fix))
    return results


def check_python() -> Result:
    """Compare the running Python with what the project states."""
    bounds = _module("packaging.specifiers", "pip._vendor.packaging.specifiers").SpecifierSet(
        _project()["requires-python"]
    )
    version = platform.python_version()
    fix = (
        "" if _contains(bounds, version) else "install a Python within these bounds: https://www.python.org/downloads/"
    )
    return Result("Python", version, _lower_first(bounds), fix)


def check_import(name: str) -> Result:
    """Import an installed package for real."""
    try:
        importlib.import_module(name)
    except Exception as error:  # a broken binary package raises whatever its loader does
        reason = str(error).splitlines()[0] if str(error) else "no reason given"
        return Result(name, f"fails: {type(error).__name__}: {reason}", "to import", _install(*MUST_IMPORT, again=True))
    return Result(name, "imports", "to import")


def machine() -> dict[str, str]:
    """The operating system, device, cores, memory and speed at bfloat16; what cannot be told says why."""
    facts = {"system": _system, "device": _device, "cores": _cores, "threads": _threads, "memory": _memory}
    facts["bfloat16"] = _bfloat16
    answers = {}
    for name, tell in facts.items():
        try:
            answers[name] = tell()
        except Exception as error:  # a missing or broken package must not hide the other answers
            answers[name] = f"unknown ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
    return answers


def datasets() -> list[DataSet]:
    """The optional data sets and weights, looked for in ``course_lib.data.data_folder()``.

    Raises:
        ImportError: a package that ``course_lib.data`` needs is missing.
        ValueError: ``COURSE_DATA`` is a relative path.
    """
    from course_lib.paths import data_folder

    known = (
        ("MNIST", "MNIST", "raw/train-images-idx3-ubyte", "get_mnist.py"),
        ("LFW", "lfw", "lfw*/*/*.jpg", "get_lfw.py"),
        ("CelebA", "celeba", "*/*.jpg", "get_celeba.py"),
        ("CIFAR-10", "cifar10", "cifar-10-batches-py/data_batch_1", "get_cifar10.py"),
        ("RetinaFace", "models", "retinaface_mobilenet025.onnx", "get_retinaface.py"),
        ("a teacher", "models", "mobilefacenet_teacher.tflite", "get_teacher.py"),
        ("MobileNetV2", "models", "mobilenet_v2-b0353104.pth", "get_mobilenet_v2.py"),
        ("EfficientNet-Lite0", "models", "efficientnet-lite0-57934424.pth", "get_efficientnet_lite0.py"),
    )
    found = []
    for name, folder, sign, script in known:
        place = data_folder() / folder
        found.append(DataSet(name, place, next(place.glob(sign), None) is not None, f"data_scripts/{script}"))
    return found


def main() -> int:
    """Print the report; 1 if a requirement is not met, else 0."""
    results = [check_python(), *check_requirements(requirements())]
    met = {result.name for result in results if result.ok}
    results += [check_import(name) for name in MUST_IMPORT if name in met]
    print(*results, sep="\n")
    print("\nThis machine")
    for name, answer in machine().items():
        print(f"  {name:9} {answer}")
    print("\nOptional data")
    try:
        for data in datasets():
            state = "there" if data.present else f"not there; to fetch it: python {data.script}"
            print(f"  {data.name:10} {state}")
    except (ImportError, ValueError) as error:
        print(f"  not looked for: {error}")
    failed = sum(not result.ok for result in results)
    if failed:
        print(
            f"\n{failed} of {len(results)} requirements are not met. In a clone, make lab installs all tested versions."
        )
    return int(failed > 0)


# --- Where the requirements stand, and what mends them ---


def _project() -> dict[str, Any]:
    """``dependencies`` and ``requires-python``, from the clone or from the installed metadata."""
    file = ROOT / "pyproject.toml"
    if file.is_file():
        toml = _module("tomllib", "tomli", "pip._vendor.tomli")
        return toml.loads(file.read_text(encoding="utf-8"))["project"]
    try:
        installed = importlib.metadata.metadata(PROJECT)
    except importlib.metadata.PackageNotFoundError:
        raise RuntimeError(
            f"No pyproject.toml in {ROOT}, and {PROJECT} is not installed: nothing says what is required. "
            "Run this inside a clone of the course, or install it with pip."
        ) from None
    return {
        "dependencies": [text for text in installed.get_all("Requires-Dist") or [] if "extra ==" not in text],
        "requires-python": installed["Requires-Python"],
    }


def _module(*names: str) -> ModuleType:
    """The first of these modules that is there: pip carries copies of what a bare Python lacks."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError(f"None of {', '.join(names)} is installed. To mend: {_install(names[0].split('.')[0])}")


def _lower_first(bounds: Any) -> str:
    return ",".join(sorted(map(str, bounds), reverse=True))  # ">" sorts after "<", and "!" before both


def _contains(bounds: Any, version: str) -> bool:
    try:
        return bounds.contains(version, prereleases=True)
    except ValueError:  # a version that is none, of a package built by hand
        return False


def _install(*needs: str, again: bool = False) -> str:
    """The command that installs these in the environment at hand."""
    if (Path(sys.prefix) / "conda-meta").is_dir():
        return "conda env update -f environment.yml"
    tested = "-c constraints.txt " if (ROOT / "constraints.txt").is_file() else ""
    options = "--force-reinstall --no-deps " if again else ""
    return f"python -m pip install {options}{tested}" + " ".join(f'"{need}"' for need in needs)


# --- This machine ---


def _system() -> str:
    return f"{platform.system()} on {platform.machine()}"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return "mps (Apple GPU)" if torch.backends.mps.is_available() else "cpu"


def _cores() -> str:
    import psutil

    return f"{cores()} usable ({psutil.cpu_count(logical=False) or 'unknown'} physical)"


def _threads() -> str:
    if waits_asleep():
        return "sleep while they wait, where this shell starts Python"
    return (
        "sleep while they wait where course_lib is imported before torch; elsewhere they spin, and beside another busy "
        "program training takes many times as long: set OMP_WAIT_POLICY=PASSIVE and GOMP_SPINCOUNT=1000 before Python "
        "starts"
    )


def _memory() -> str:
    import psutil

    memory = psutil.virtual_memory()
    return f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} free"


def _bfloat16() -> str:
    from course_lib.training.precision import resolve_precision

    fast = resolve_precision("auto") == "bf16-mixed"
    return "fast, used in training" if fast else "emulated and slow; training uses float32"


if __name__ == "__main__":
    sys.exit(main())
