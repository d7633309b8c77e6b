"""Compares the library with facenet-pytorch, which gets an environment of its own: python -m tools.parity

The environment, in ``.cache``, sees the project's packages too. The tests are ``tests/**/parity_*.py``; each of these
files, run as a program with that environment's Python, writes anew what ``make test`` has on record of the package.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools.installer import CACHE, ROOT

REQUIREMENT = "facenet-pytorch==2.5.3"  # the extra "parity" of pyproject.toml
FOLDER = CACHE / "parity" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """Run the comparisons; pytest's exit code."""
    options = ["-o", "python_files=parity_*.py", "-p", "tools.largest_differences", "-q", "--no-header"]
    return subprocess.run([str(ready_python()), "-m", "pytest", *options, "tests"], cwd=ROOT).returncode


def ready_python() -> Path:
    """The environment's interpreter, made ready if need be. Raises ``CalledProcessError`` where pip fails."""
    inside = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    paths = sysconfig.get_paths("venv", {"base": str(FOLDER), "platbase": str(FOLDER)})
    packages = Path(paths["purelib"])
    installed = f"{REQUIREMENT.replace('-', '_').replace('==', '-')}.dist-info"
    if not all((packages / name).exists() for name in (installed, "beside.pth")):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        pip = [str(FOLDER / inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, REQUIREMENT], check=True)
    # Written each time, and last: pip must not take the project's packages for this environment's own.
    beside = [f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})", str(ROOT)]
    (packages / "beside.pth").write_text("\n".join(beside) + "\n", encoding="utf-8")
    return FOLDER / inside


if __name__ == "__main__":
    sys.exit(main())
