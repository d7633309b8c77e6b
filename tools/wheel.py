"""The wheel of `pip install face-course`: built without a network, and what takes how much of it.

python -m tools.wheel                  build the page (make web's), then the wheel in dist/
python -m tools.wheel --without-page   the wheel alone, with web/dist if an earlier build left it
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, and print the sizes; the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given not in ([], ["--without-page"]):
        print(__doc__, file=sys.stderr)
        return 2
    if not given:
        from tools import web

        web.build()
    wheel = build(ROOT, DIST)
    for part, size in sizes(wheel).most_common():
        print(f"{size / 1e6:6.2f} MB  {part}")
    print(f"{wheel.stat().st_size / 1e6:6.2f} MB  in all: {wheel.relative_to(ROOT)}")
    return 0


def build(root: Path, folder: Path) -> Path:
    """The wheel of the project at ``root``, written to a folder.

    Raises:
        RuntimeError: it cannot be built; the message is pip's.
    """
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", *options, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"the wheel was not built:\n{done.stderr}")
    return max(folder.glob("face_course-*.whl"), key=lambda path: path.stat().st_mtime)


def sizes(wheel: Path) -> Counter[str]:
    """Compressed bytes of each part of a wheel."""
    found: Counter[str] = Counter()
    with ZipFile(wheel) as archive:
        for file in archive.infolist():
            found[_part(file.filename.split("/"))] += file.compress_size
    return found


def _part(path: Sequence[str]) -> str:
    if path[1] == "_course":
        return path[2]
    return "weights" if path[1] == "weights" else "library"


if __name__ == "__main__":
    sys.exit(main())
