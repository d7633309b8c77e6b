"""Is this machine ready for the course? ``face-course check`` tells, and how to mend what is not.

``python -m course_lib.check`` is the same, and works before anything is installed: what it needs beyond the standard
library comes with pip, and a package that is missing or broken becomes a line of the report.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True)
class Report:
    """All that is asked of a machine, and what it is; ``print`` shows a table."""

    results: tuple[Result, ...]
    machine: dict[str, str]
    data: tuple[DataSet, ...]
    not_looked_for: str  # why no data sets were

    @property
    def failed(self) -> int:
        """How many requirements are not met."""
        return sum(not result.ok for result in self.results)

    def __str__(self) -> str:
        lines = [*map(str, self.results), "", "This machine"]
        lines += [f"  {name:9} {answer}" for name, answer in self.machine.items()]
        lines += ["", "Optional data"]
        for one in self.data:
            state = "there" if one.present else f"not there; to fetch it: python {one.script}"
            lines.append(f"  {one.name:10} {state}")
        lines += [f"  not looked for: {self.not_looked_for}"] if self.not_looked_for else []
        if self.failed:
            count = f"{self.failed} of {len(self.results)} requirements are not met."
            lines += ["", f"{count} In a clone, make lab installs all tested versions."]
        return "\n".join(lines)

    def plain(self) -> dict[str, Any]:
        """The same in values that JSON knows."""
        return {
            "requirements": [{**asdict(result), "ok": result.ok} for result in self.results],
            "machine": self.machine,
            "data": [{**asdict(one), "folder": str(one.folder)} for one in self.data],
            "not_looked_for": self.not_looked_for,
        }


def report() -> Report:
    """Look at everything."""
    results = [check_python(), *check_requirements(requirements())]
    met = {result.name for result in results if result.ok}
    results += [check_import(name) for name in MUST_IMPORT if name in met]
    try:
        data, why_not = datasets(), ""
    except (ImportError, ValueError) as error:
        data, why_not = [], str(error)
    return Report(tuple(results), machine(), tuple(data), why_not)


def main(arguments: Sequence[str] = ()) -> int:
    """Print the report, or JSON with ``--json``; 1 if a requirement is not met, 2 for other options, else 0."""
    others = [given for given in arguments if given != "--json"]
    if others:
        print(f"Error: {others[0]} is no option here; the only one is --json", file=sys.stderr)
        return 2
    found = report()
    print(json.dumps(found.plain(), indent=1) if arguments else found)
    return int(found.failed > 0)


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
    sys.exit(main(sys.argv[1:]))
