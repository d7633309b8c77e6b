"""The house keeps its floors: who may import whom, no circles, and every public name says what it is and takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[1] / "course_lib"

# What each folder or module of the library may import of it, beside itself. A new one needs a line here.
BELOW_THE_TOP = {"alignment", "backbones", "losses", "optim", "evaluation", "cost", "data", "training", "export"}
MAY_IMPORT: dict[str, set[str]] = {
    "alignment": {"console", "limits", "machine", "paths", "progress", "stand_ins", "workers"},
    "audit": {"backbones", "cost", "evaluation"},
    "backbones": {"pointwise"},
    "losses": set(),
    "optim": set(),
    "evaluation": set(),
    # Programs: nothing imports them, so they may call what stands above their folder.
    "alignment.__main__": {"commands"},
    "evaluation.__main__": {"commands"},
    "cost": set(),
    "data": {"alignment", "limits", "paths", "progress", "stand_ins"},
    # Losses and optimizers are known to it by their call only.
    "training": {"data", "machine", "paths", "pointwise", "progress", "stand_ins"},
    "export": {
        *(
            "backbones",
            "console",
            "cost",
            "data",
            "evaluation",
            "interrupts",
            "limits",
            "paths",
            "progress",
            "stand_ins",
            "training",
        ),
    },
    "weights": {"backbones", "data", "export", "losses", "machine", "paths", "terms", "training"},
    "gallery": {"alignment", "data", "evaluation", "paths", "progress", "training", "weights"},
    "verify": {"alignment", "console", "data", "evaluation", "export", "paths", "viz", "weights"},
    "commands": {
        *("__init__", "alignment", "browser", "check", "console", "data", "export", "gallery", "learner_folder"),
        *("machine", "page", "paths", "shipped", "terms", "verify"),
    },
    "learner_folder": {"paths", "shipped"},
    "page": {"shipped"},
    "viz": BELOW_THE_TOP | {"weights"},
    "check": {"machine", "paths", "training"},
    "exercises": set(),
    "guards": set(),
    "interrupts": set(),
    "stand_ins": set(),
    "console": set(),
    "limits": set(),
    "machine": set(),
    "progress": set(),
    "workers": {"interrupts"},
    "pointwise": set(),
    "records": {"shipped"},
    "shipped": set(),
    "browser": set(),
    "terms": set(),
    "paths": set(),
    "__init__": {"guards", "machine", "records"},  # it loads its folders when they are first used
}
OUTSIDE = {"notebooks", "tools", "data_scripts", "benchmarks", "tests", "conftest"}
# Methods that mean what the class they override says.
OVERRIDES = {"forward", "extra_repr"}


def modules(library: Path) -> dict[str, Path]:
    """Every module by its dotted name; a folder by the name of its __init__.py."""
    names = {path: [library.name, *path.relative_to(library).with_suffix("").parts] for path in library.rglob("*.py")}
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path for path, parts in names.items()}


def unit(module: str) -> str:
    """The folder, or the module beside the folders, that a module of the library belongs to.

    A folder's program, its __main__, is a unit of its own where it has a line of its own in the table.
    """
    _, *parts = module.split(".")
    if parts[1:] == ["__main__"] and ".".join(parts) in MAY_IMPORT:
        return ".".join(parts)
    return parts[0] if parts else "__init__"


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node, also inside functions, but not under `if TYPE_CHECKING:`, which never runs."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).split(".")[-1] == "TYPE_CHECKING":
            yield from (inner for branch in node.orelse for inner in (branch, *runtime_nodes(branch)))
        else:
            yield node
            yield from runtime_nodes(node)


def imported_names(module: str, path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of all that a module imports; `from a import b` is a.b, be b a module or not."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in runtime_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            argument = node.args[0] if node.args else None
            if isinstance(argument, ast.Constant):
                yield node.lineno, str(argument.value)


def imported_modules(library: Path) -> dict[str, list[tuple[int, str]]]:
    """For each module, line and name of the library's modules it imports, and of those outside it must not."""
    known = modules(library)
    found: dict[str, list[tuple[int, str]]] = {}
    for module, path in known.items():
        found[module] = []
        for line, name in imported_names(module, path):
            if name.split(".")[0] in OUTSIDE:
                found[module].append((line, name))
            elif name.split(".")[0] == library.name:  # the longest part of the name that is a module
                while name not in known:
                    name = name.rpartition(".")[0]
                found[module].append((line, name))
    return found


def uphill(library: Path) -> Iterator[str]:
    """Imports that the table does not allow, and folders it does not know."""
    for module, imports in imported_modules(library).items():
        if unit(module) not in MAY_IMPORT:
            yield f"{module} has no line in MAY_IMPORT: say what {unit(module)} may import"
            continue
        for line, name in imports:
            if name.split(".")[0] in OUTSIDE:
                yield f"{module}, line {line} imports {name}, which stands outside the library"
            elif unit(name) != unit(module) and unit(name) not in MAY_IMPORT[unit(module)]:
                yield f"{module}, line {line} imports {name}: {unit(module)} must not import {unit(name)}"


def circles(library: Path) -> Iterator[str]:
    """A circle of imports between modules, and one between folders, if there is any."""
    between_modules = {module: {name for _, name in found} for module, found in imported_modules(library).items()}
    between_units: dict[str, set[str]] = {}
    for module, names in between_modules.items():
        between_units.setdefault(unit(module), set()).update({unit(name) for name in names} - {unit(module)})
    for graph in (between_modules, between_units):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            yield "circular import: " + " imports ".join(reversed(error.args[1]))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_definitions(library: Path) -> Iterator[tuple[str, Function | ast.ClassDef, bool]]:
    """Name, node and whether it is a method, of public functions, classes and their methods in public modules."""
    for module, path in modules(library).items():
        if any(part.startswith("_") for part in module.split(".")):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (Function, ast.ClassDef)) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", node, False
                for method in node.body if isinstance(node, ast.ClassDef) else []:
                    if isinstance(method, Function) and (not method.name.startswith("_") or is_magic(method.name)):
                        yield f"{module}.{node.name}.{method.name}", method, True


def is_magic(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def undocumented(library: Path) -> Iterator[str]:
    """Public names without a docstring; magic methods and overrides mean what their origin says."""
    for name, node, _ in public_definitions(library):
        if not is_magic(node.name) and node.name not in OVERRIDES and not ast.get_docstring(node):
            yield f"{name} has no docstring"


def untyped(library: Path) -> Iterator[str]:
    """Public functions and methods with an argument or a result that has no type hint."""
    for name, node, is_method in public_definitions(library):
        if isinstance(node, ast.ClassDef):
            continue
        static = any(ast.unparse(decorator) == "staticmethod" for decorator in node.decorator_list)
        arguments = [*node.args.posonlyargs, *node.args.args][1 if is_method and not static else 0 :]
        arguments += [*node.args.kwonlyargs, *(rest for rest in (node.args.vararg, node.args.kwarg) if rest)]
        bare = [argument.arg for argument in arguments if argument.annotation is None]
        bare += ["its result"] if node.returns is None else []
        if bare:
            yield f"{name} has no type hint for {', '.join(bare)}"


@pytest.mark.slow
@pytest.mark.parametrize("rule", [uphill, circles, undocumented, untyped])
def test_the_library_keeps_the_rule(rule) -> None:
    assert len(modules(LIBRARY)) > 20
    assert list(rule(LIBRARY)) == []


def test_the_rules_themselves_go_in_no_circle() -> None:
    TopologicalSorter(MAY_IMPORT).prepare()


# Each rule finds what it is there for: a small library with one fault.

FAULTS = {
    "up a floor": (uphill, {"losses/a.py": "from course_lib.training import fit"}, "losses must not import training"),
    "in a function": (uphill, {"training/a.py": "def f():\n    import course_lib.losses"}, "a, line 2 imports"),
    "relative": (uphill, {"backbones/a.py": "from ..data import digits"}, "backbones must not import data"),
    "relative package": (uphill, {"cost/__init__.py": "from .. import data"}, "cost must not import data"),
    "through the root": (uphill, {"optim/a.py": "from course_lib import viz"}, "imports course_lib.viz: optim must"),
    "by name": (uphill, {"data/a.py": "import importlib\nimportlib.import_module('course_lib.viz')"}, "import viz"),
    "after TYPE_CHECKING": (
        uphill,
        {"data/a.py": "if TYPE_CHECKING:\n    import x\nelse:\n    import course_lib.viz"},
        "line 4 imports course_lib.viz",
    ),
    "a program that is no exception": (
        uphill,
        {"cost/__main__.py": "from course_lib.viz import lines"},
        "cost must not import viz",
    ),
    "a program up another floor": (
        uphill,
        {"evaluation/__main__.py": "from course_lib.training import fit"},
        "evaluation.__main__ must not import training",
    ),
    "an exception is the program's alone": (
        uphill,
        {"evaluation/a.py": "from course_lib.verify import verify"},
        "evaluation must not import verify",
    ),
    "the check": (uphill, {"viz/a.py": "from course_lib.check import run"}, "viz must not import check"),
    "the exercises": (uphill, {"data/a.py": "import course_lib.exercises"}, "data must not import exercises"),
    "a tool": (uphill, {"data/a.py": "from tools.notebooks import inputs"}, "outside the library"),
    "a script": (uphill, {"viz/a.py": "def f():\n    from data_scripts import fetch"}, "outside the library"),
    "a test": (uphill, {"check.py": "import tests.viz"}, "outside the library"),
    "a new folder": (uphill, {"mirrors/a.py": ""}, "has no line in MAY_IMPORT"),
    "modules in a circle": (
        circles,
        {"data/a.py": "from course_lib.data.b import x", "data/b.py": "def f():\n    from .a import y"},
        "circular import: ",
    ),
    "a module and its folder": (
        circles,
        {"data/__init__.py": "from .a import x", "data/a.py": "from course_lib.data import y"},
        "circular import: ",
    ),
    "folders in a circle": (
        circles,
        {
            "data/a.py": "import course_lib.cost.b",
            "data/c.py": "",
            "cost/b.py": "",
            "cost/d.py": "import course_lib.data.c",
        },
        "circular import: ",
    ),
    "a function without words": (undocumented, {"data/a.py": "def f(): ..."}, "course_lib.data.a.f has no docstring"),
    "a class without words": (undocumented, {"data/a.py": "class A: ..."}, "data.a.A has no docstring"),
    "a method without words": (
        undocumented,
        {"data/a.py": "class A:\n    'It.'\n    def f(self): ...\n    def forward(self): ...\n    def _g(self): ..."},
        "course_lib.data.a.A.f has no docstring",
    ),
    "an argument without type": (untyped, {"data/a.py": "def f(a: int, b, *c, d, **e) -> None: ..."}, "for b, d, c, e"),
    "no type of the result": (untyped, {"data/a.py": "def f(a: int): ..."}, "for its result"),
    "a method without types": (
        untyped,
        {"data/a.py": "class A:\n    def f(self, a) -> None: ...\n    @staticmethod\n    def g(a: int) -> None: ..."},
        "course_lib.data.a.A.f has no type hint for a",
    ),
    "a constructor without types": (
        untyped,
        {"data/a.py": "class A:\n    def __init__(self, a: int): ..."},
        "its result",
    ),
}


def fake_library(folder: Path, files: dict[str, str]) -> Path:
    library = folder / "course_lib"
    folders = ("data", "training", "losses", "viz", "cost", "alignment", "evaluation", "verify", "commands")
    around = {f"{name}/__init__.py": "" for name in folders}
    for name, text in {"__init__.py": "", "check.py": "", "exercises.py": "", **around, **files}.items():
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(text)
    return library


@pytest.mark.parametrize(("rule", "files", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(rule, files: dict[str, str], words: str, tmp_path: Path) -> None:
    (found,) = rule(fake_library(tmp_path, files))
    assert words in found


def test_what_is_allowed_is_not_found(tmp_path: Path) -> None:
    files = {
        "training/a.py": "import torch\nfrom course_lib.data import digits\nfrom course_lib.training.b import x\n"
        "if TYPE_CHECKING:\n    from course_lib.losses import Loss",
        "training/b.py": "from . import c",
        "training/c.py": "def _f(a): ...\nclass _B:\n    def f(self, a): ...",
        "data/_private.py": "def f(a): ...",
        "evaluation/__main__.py": "from course_lib.commands.style import run",
        "commands/style.py": "from course_lib.verify import x\ndef run() -> None:\n    'It.'",
        "evaluation/b.py": "",
        "data/a.py": "class A:\n    'It.'\n    def __len__(self) -> int: ...\n    def _f(self, a): ...",
    }
    library = fake_library(tmp_path, files)
    assert [fault for rule in (uphill, circles, undocumented, untyped) for fault in rule(library)] == []
