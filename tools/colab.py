"""The notebooks as Google Colab opens them: each with a first cell that installs the course.

python -m tools.colab            from the package index
python -m tools.colab ADDRESS    from what pip is to be given in place of face-course: git+https://… or a wheel's path

They are written to dist/colab, to be published as a branch: docs/releasing.md. Everywhere else the course is installed
before a notebook is opened, so the notebooks themselves have no such cell.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "dist" / "colab"
# Colab's page talks to its own, older Jupyter, which another one would replace while it runs. pip then takes PyTorch's
# build for CPUs where there is no GPU: it is ten times smaller.
INSTALL = """\
# Google Colab: install the course and what it needs, beside Colab's own Jupyter.
import shutil
import subprocess
import sys
from importlib.metadata import requires

pip = [sys.executable, "-m", "pip", "install", "--quiet"]
subprocess.run([*pip, "--no-deps", "{course}"], check=True)
others = ("ipykernel", "ipywidgets", "jupyterlab")
needs = [need for need in requires("face-course") if "extra ==" not in need]
needs = [need for need in needs if not need.startswith(others)]
cpu = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]
subprocess.run([*pip, *needs, *([] if shutil.which("nvidia-smi") else cpu)], check=True)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write them all; the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) > 1 or any(one.startswith("-") for one in given):
        print(__doc__, file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = for_colab(json.loads(path.read_text(encoding="utf-8")), *given)
        text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
        (FOLDER / path.name).write_text(text, encoding="utf-8")
    print(f"{len(list(FOLDER.glob('*.ipynb')))} notebooks in {FOLDER.relative_to(ROOT)}")
    return 0


def for_colab(notebook: dict[str, Any], course: str = "face-course") -> dict[str, Any]:
    """A notebook with the first cell, and all else as it was.

    Args:
        course: what pip is given.
    """
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install-on-colab",
        "metadata": {},
        "outputs": [],
        "source": INSTALL.format(course=course).splitlines(keepends=True),
    }
    return {**notebook, "cells": [cell, *notebook["cells"]]}


if __name__ == "__main__":
    sys.exit(main())
