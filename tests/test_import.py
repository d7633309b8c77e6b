"""`import course_lib` is light: what is heavy comes when it is first used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import course_lib

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "numpy", "matplotlib", "pandas", "sklearn", "lightning_fabric", "scipy", "IPython", "ipywidgets")
FOLDERS = sorted(path.parent.name for path in (ROOT / "course_lib").glob("*/__init__.py"))


def in_a_fresh_python(code: str) -> str:
    """What `code` prints in an interpreter that has imported nothing yet."""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_importing_the_library_loads_nothing_heavy() -> None:
    code = f"import sys, course_lib; print([name for name in {HEAVY} if name in sys.modules])"
    assert in_a_fresh_python(code) == "[]"


@pytest.mark.slow
def test_a_folder_is_loaded_when_it_is_first_used() -> None:
    code = (
        "import sys, course_lib\n"
        "before = 'course_lib.losses' in sys.modules\n"
        "course_lib.losses.CenterLoss\n"
        "print(before, 'course_lib.losses' in sys.modules, 'course_lib.viz' in sys.modules)"
    )
    assert in_a_fresh_python(code) == "False True False"


def test_the_check_of_the_installation_needs_nothing_heavy() -> None:
    code = f"import sys, course_lib.check; print([name for name in {HEAVY} if name in sys.modules])"
    assert in_a_fresh_python(code) == "[]"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_is_an_attribute_and_exports_what_it_names(folder: str) -> None:
    assert folder in dir(course_lib)
    module = getattr(course_lib, folder)
    assert module.__name__ == f"course_lib.{folder}"
    assert sorted(module.__all__) == sorted(set(module.__all__)) and module.__doc__
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="no attribute 'loses'; its subpackages are") as error:
        _ = course_lib.loses
    assert all(folder in str(error.value) for folder in FOLDERS)


def test_the_version_is_there() -> None:
    assert course_lib.__version__.split(".")[0].isdigit() and "__version__" in dir(course_lib)
